# {}
x = 5
event['a'] = [1 < x < 10, 1 < x > 7, 1 < x <= 5 != 6, 'a' < 'b', x is None, x is not None, None is None, (x == 5) is True, not x, 2 in [1, 2], 3 not in [1, 2], 'b' in 'abc']
calls = []
def f(v):
    calls.append(v)
    return v
event['b'] = 1 < f(3) < 5
event['c'] = 4 < f(3) < f(9)
event['d'] = calls
event['e'] = [1 == 1.0, 'a' == 1, [1, 2] == [1, 2], {'a': 1} == {'a': 1}, 1 < 2.5]
event['f'] = 'yes' if x > 3 else 'no'
event['g'] = [x and 0, 0 or 'x', x or 1, not 0 and 2]
