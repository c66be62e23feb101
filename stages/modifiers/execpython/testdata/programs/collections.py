# {}
l = [3, 1, 2]
l.append(5)
l.extend([7, 8])
l.insert(0, 'z')
event['a'] = [l.pop(), l.pop(0), l.index(1), l.count(2)]
l.remove(3)
l.sort()
event['b'] = list(l)
l.sort(reverse=True)
l.reverse()
event['c'] = l
event['d'] = l.copy()
l2 = l
l2 += [100]
event['e'] = l
d = {'a': 1}
d.update({'b': 2}, c=3)
event['f'] = [d.get('a'), d.get('z'), d.get('z', 0), d.pop('b'), d.setdefault('q', 5), sorted(d.keys()), sorted(d.values()), sorted(d.items()), len(d), 'a' in d]
event['g'] = d.copy()
d.clear()
event['h'] = [d, bool(d), bool([0]), bool('')]
s = set()
s.add(1)
s.add(2)
s.discard(1)
event['i'] = [sorted(s), len(s), 2 in s, s.isdisjoint([3]), sorted(s.union([9])), sorted({1, 2}.intersection([2])), sorted({1, 2}.difference([2])), {1}.issubset({1, 2})]
event['j'] = [isinstance(1, int), isinstance('a', str), isinstance([], (list, tuple)), isinstance(True, int), isinstance(1.0, int), isinstance({}, dict), isinstance(None, int), type(1) == int, type('a') is str, type(1).__name__]
event['k'] = dict.fromkeys(['a', 'b'], 0)
m = [[0] * 3 for _ in range(2)]
m[1][2] = 5
event['l'] = m
x = {}
x['n'] = x.get('n', 0) + 1
x['n'] += 1
event['m'] = x
key = 'k'
x[key] = [1]
x[key] += (2, 3)
event['o'] = x
