# {}
import time, string, datetime, math
d = datetime.datetime(2020, 2, 29, 23, 59, 59)
z = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
event['a'] = [repr(z), repr(datetime.datetime(2020, 1, 1, 1, 2, 3)), repr(datetime.date(2020, 1, 2)), str(z), str(z.tzinfo), str(datetime.timezone(datetime.timedelta(hours=5, minutes=30))), z == d, z != d, d <= d, d >= d, datetime.date(2020, 1, 1) < datetime.date(2020, 1, 2), {d: 1}[d], z.replace(tzinfo=None).isoformat(), str(d.replace(day=1)), d.isoformat(' '), d.date().weekday(), z.utctimetuple().tm_hour, str(z.tzinfo == datetime.timezone.utc), isinstance(d, datetime.date), isinstance(d, datetime.datetime), isinstance(datetime.date(2020, 1, 1), datetime.datetime), type(d) == datetime.datetime]
t = datetime.timedelta(seconds=-1)
event['b'] = [str(t), t.days, t.seconds, repr(t), str(datetime.timedelta(milliseconds=1.5)), str(datetime.timedelta(weeks=1, minutes=90)), datetime.timedelta(1) == datetime.timedelta(hours=24), str(datetime.timedelta(days=2) - datetime.timedelta(hours=1)), str(datetime.timedelta(hours=5) % datetime.timedelta(hours=2)), datetime.timedelta(hours=5) // datetime.timedelta(hours=2), str(sum([datetime.timedelta(1), datetime.timedelta(2)], datetime.timedelta())), str(2 * datetime.timedelta(1)), str(+t), repr(datetime.timedelta()), repr(datetime.timedelta(1, 2, 3)), str(max(datetime.timedelta(1), datetime.timedelta(2)))]
g = time.gmtime(1e9)
event['c'] = [str(g), time.asctime(g), time.strftime('%H:%M', (2020, 1, 2, 3, 4, 5, 0, 0, 0)), time.mktime((2020, 1, 2, 3, 4, 5, 0, 0, 0)) > 1e9, time.mktime(g) > 0, len(time.ctime()), len(time.ctime(0)), [x for x in g][0], time.strptime('10:20', '%H:%M').tm_min]
event['d'] = ['{a} {b[0]} {b[1]}'.format(a=1, b=[2, 3]), '{0.year}'.format(d), '{a}'.format_map({'a': 5}), '%s %s' % ('a', {'b': 1}), '%5.1f%%' % 99.55, '%-5d|' % 3, '%05.1f' % -2.5, '%#x' % 255, '% d' % 5, '%(a)05d' % {'a': 7}, '%*d' % (5, 3), '%.*f' % (2, 1.005), '%c' % 65, '%r %s' % ('a', 'b'), '%G' % 1e-10, '%E' % 12345.0, '%g' % 1e6, '%g' % 123456789.0, '%x' % -255, '%s' % (None,), '%s' % ((1, 2),)]
event['e'] = ['{:E}'.format(1234.5), '{:G}'.format(1e-10), '{:F}'.format(1.5), '{:.0f}'.format(2.5), '{:,.2f}'.format(1234567.891), '{:,}'.format(-1234), '{:e}'.format(0.0), '{:n}'.format(5), '{:c}'.format(97), '{:+d}'.format(5), '{: d}'.format(5), '{:=+6d}'.format(5), '{:*<6}'.format('a'), '{:*>6}'.format(1), '{:s}'.format('a'), '{!s:>4}'.format(1), '{:>{w}.{p}}'.format('abcdef', w=5, p=2), '{:b}'.format(-5), '{:#o}'.format(8), '{:08b}'.format(5), '{:.3}'.format(3.14159), '{:10}|'.format(1.5), '{:10}|'.format(True), '{}'.format([1, 'a']), format(3.14159, '.2f'), format('a', '>3'), format(5)]
s = {3, 1}
c = s.copy()
c.add(2)
l = [1, 2, 3]
del l[0], l[-1]
event['f'] = [sorted(c), sorted(s), s.isdisjoint([1]), l, ' '.join(sorted(set('hello'))), (1, 2) + (3,), [1] + [2], (1,) * 2, list((1, 2))[1:], tuple('ab'), not [], not {}, bool(set()), [1, 2] < [1, 3], (1, 'a') == (1, 'a'), 'x' if [] else 'y', 0]
event['g'] = [str(float('inf')), str(float('-inf')), str(float('nan')), math.floor(1e15), int(1e20), 10 ** 20 // 3, -10 ** 20 % 7, 2 ** 70 / 2 ** 69, 1e308 * 10 == float('inf'), 0.1 + 0.2, 1 / 3, 5 // 0.3, round(-2.5), round(0.5), round(1.25, 1), abs(-2.5), min(1, 2.5), max(1, True), sum([]), sum([1.5, 2]), divmod(7, -2), pow(2, 0.5), int('-5'), int('1010', 2), int('z', 36), int('0b11', 0), float(' 1e3 '), float(5), int(True), str(10 ** 25)]
event['h'] = [string.capwords('a-b', '-'), math.modf(2.5), math.expm1(0), math.log1p(0), math.isfinite(1), math.fsum([0.5, 0.25]), math.atan2(0, 1), math.log2(8), math.exp(0), math.radians(180) == math.pi, math.cosh(0)]
event['i'] = ['A'.isupper(), 'a1'.isupper(), '1'.isupper(), 'İ'.lower() != '', 'abc'.encode().decode('utf-8'), 'x'.isascii(), 'é'.isascii(), '½'.isnumeric(), '5'.isdecimal(), 'a b'.split(' '), 'a\tb'.split(), 'abc'.index('c'), 'a,b'.replace(',', ''), 'tést'.center(6, '-'), 'é'.ljust(3, '.'), 'é'.zfill(3), 'aé'.find('é', 0, 1), 'aéa'.rfind('a'), 'ééé'.count('é', 1), 'éa'.startswith('a', 1), 'Éa'.capitalize(), 'éa bé'.title(), '\u2028'.isspace()]
def gen(n, acc=None):
    acc = acc or []
    if n == 0:
        return acc
    acc.append(n)
    return gen(n - 1, acc)
event['j'] = [gen(3), [i for i in range(10, 0, -3)], list(range(2, 5)), 3 in range(5), len(range(0, 10, 3)), callable(gen), callable(5), str(type(1)), type(None).__name__, [type(x).__name__ for x in ('a', 1.5, [], {}, (), True)], hash('a') == hash('a')]
