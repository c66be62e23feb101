# {"data": "192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] \"GET /wiki/Monty_Python/?spanish=inquisition&x=1&x=2 HTTP/1.0\" 200 3395", "request_time": 1.5}
import re
import math
line = event['data']
m = re.match(r'(?P<host>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<method>\w+) (?P<path>[^ "]+)[^"]*" (?P<status>\d{3}) (?P<bytes>\d+|-)', line)
if m:
    for key, value in m.groupdict().items():
        event[key] = value
    event['status'] = int(event['status'])
    event['bytes'] = 0 if event['bytes'] == '-' else int(event['bytes'])
    path, _, query = event['path'].partition('?')
    event['path'] = path
    params = {}
    for pair in query.split('&'):
        if '=' in pair:
            k, v = pair.split('=', 1)
            params.setdefault(k, []).append(v)
    event['params'] = params
    event['class'] = '%dxx' % (event['status'] // 100)
    event['kb'] = math.ceil(event['bytes'] / 1024)
    event['slow'] = event.get('request_time', 0) > 1 and event['status'] < 400
    event['tags'] = [t for t in ('ok' if 200 <= event['status'] < 300 else 'nok', event['method'].lower()) if t]
