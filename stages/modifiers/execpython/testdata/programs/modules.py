# {}
import math, re
import json as j
from datetime import datetime, timedelta
from math import sqrt as root
event['a'] = [math.ceil(1.2), math.floor(-1.2), math.sqrt(9), math.log(math.e), math.log10(100), math.pow(2, 3), math.fabs(-1), math.trunc(-1.5), math.factorial(5), math.gcd(12, 8), math.hypot(3, 4), math.isnan(math.nan), math.isinf(math.inf), round(math.pi, 5), root(16), math.fmod(-7, 3), math.degrees(math.pi), math.copysign(1, -2), math.log(8, 2), math.isclose(0.1 + 0.2, 0.3), math.prod([1, 2, 3]), math.isqrt(17)]
m = re.match(r'(?P<word>\w+) (\d+)', 'spam 42 eggs')
event['b'] = [m.group(), m.group(1), m.group('word', 2), m.groups(), m.groupdict(), m.start(2), m.end(), m.span('word'), m[2], m['word'], m.lastindex, m.re.pattern, m.string]
event['c'] = [re.findall('[a-z]', 'a1b2'), re.findall('([a-z])([0-9])', 'a1b2'), re.sub('[0-9]', '#', 'a1b2'), re.sub('([a-z])', r'<\1>', 'ab', count=1), re.sub('(?P<x>[a-z])', r'\g<x>\g<x>', 'ab'), re.split(',', 'a,b,c'), re.split('(,)', 'a,b'), re.split(',', 'a,b,c', 1), re.search('b', 'abc').start(), re.match('b', 'abc') is None, re.sub('[a-z]', lambda m: m.group().upper(), 'ab1'), re.fullmatch('ab', 'abc'), bool(re.fullmatch('a.c', 'abc')), re.subn('a', 'b', 'aa'), re.escape('a.b*c')]
p = re.compile('(?i)HELLO')
event['d'] = [bool(p.search('say hello')), p.findall('hello HELLO'), p.sub('x', 'Hello'), re.search('^b', 'a\nb', re.M).group(), bool(re.match('A', 'a', re.I | re.S)), [m.group() for m in re.finditer('.', 'xyz')], re.compile('a(?P<n>b)').groupindex['n'], re.search('ü', 'für').start(), re.findall('é', 'aébé'), re.search('(a)|(b)', 'b').groups()]
event['e'] = [j.loads('{"a": [1, 2.5, null, true, "x"]}'), j.dumps({'a': [1, 2.5, None, True]}), j.dumps({'b': 1, 'a': 2}, sort_keys=True), j.dumps([1, {'a': 2}], indent=2), j.dumps('é'), j.dumps('é', ensure_ascii=False), j.dumps([1, 2], separators=(',', ':')), j.dumps({1: 2}), j.dumps([]), j.dumps((1, 2)), j.loads('"\\u00e9"')]
