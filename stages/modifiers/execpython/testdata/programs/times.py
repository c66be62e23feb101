# {}
import datetime, time
d = datetime.datetime(2015, 6, 1, 12, 30, 5, 123456)
event['a'] = [d.isoformat(), str(d), d.strftime('%Y-%m-%d %H:%M:%S.%f %j %a %b'), d.year, d.month, d.day, d.hour, d.minute, d.second, d.microsecond, d.weekday(), d.isoweekday(), repr(d), d.date().isoformat(), str(d.replace(year=2016, microsecond=0)), d.ctime()]
t = datetime.timedelta(days=1, hours=2)
event['b'] = [str(t), t.total_seconds(), t.days, t.seconds, str(d + t), str(d - t), str((d + t) - d), (t * 2).total_seconds(), (t / 2).total_seconds(), t > datetime.timedelta(0), str(-t), repr(t), str(t // 3), t / datetime.timedelta(hours=1), bool(datetime.timedelta()), abs(-3)]
u = datetime.datetime.strptime('2015-06-01T12:00:00', '%Y-%m-%dT%H:%M:%S')
event['c'] = [str(u), d > u, d == d, (d - u).total_seconds(), str(datetime.date(2015, 6, 1) + datetime.timedelta(days=30)), (datetime.date(2015, 6, 1) - datetime.date(2015, 5, 1)).days, str(datetime.date(2020, 2, 29))]
z = datetime.datetime.strptime('01/Jun/2015:12:00:00 +0200', '%d/%b/%Y:%H:%M:%S %z')
event['d'] = [z.isoformat(), z.timestamp(), str(z.astimezone(datetime.timezone.utc)), str(z.utcoffset()), str(datetime.datetime.fromtimestamp(0, datetime.timezone.utc)), datetime.datetime.fromisoformat('2015-06-01 12:00:00+02:00').isoformat(), str(datetime.datetime.utcfromtimestamp(86400)), datetime.datetime(2015, 6, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-3))).isoformat(), datetime.datetime(2015, 6, 1, tzinfo=datetime.timezone.utc).strftime('%z')]
g = time.gmtime(0)
event['e'] = [g.tm_year, g[1], list(g)[:6], time.strftime('%Y-%m-%d', time.gmtime(86400)), time.strptime('2015', '%Y').tm_year, time.time() > 1000, '{:%Y/%m}'.format(d), f'{d:%H:%M}', '%s' % u]
