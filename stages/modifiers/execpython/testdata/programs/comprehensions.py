# {}
event['a'] = [x * y for x in range(3) for y in range(3) if x != y]
event['b'] = {k: v for k, v in [('a', 1), ('b', 2)]}
event['c'] = sorted({c for c in 'hello'})
event['d'] = sum(x for x in range(5))
event['e'] = [[x for x in range(n)] for n in range(3)]
event['f'] = [c for c in 'aéb']
event['g'] = {'a', 'b'} == set(['b', 'a'])
event['h'] = sorted(set([3, 1]) | {2}), sorted({1, 2} & {2, 3}), sorted({1, 2} - {2}), sorted({1, 2} ^ {2, 3})
event['i'] = ','.join(str(x) for x in [1, 2])
event['j'] = dict(a=1, b=2), dict([('x', 1)]), tuple([1, 2]), list('ab')
