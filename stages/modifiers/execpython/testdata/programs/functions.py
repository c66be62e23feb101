# {}
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
def f(a, b=2, *args, **kw):
    return [a, b, list(args), sorted(kw.items())]
def g(*, k=1):
    return k
def outer():
    x = 1
    def inner():
        return x + 1
    return inner()
event['a'] = fib(12)
event['b'] = f(1)
event['c'] = f(1, 3, 4, 5, z=1, y=2)
event['d'] = f(*[1, 2, 3], **{'q': 1})
event['e'] = g(k=5)
event['f'] = outer()
event['g'] = (lambda x, y=2: x * y)(4)
event['h'] = list(map(lambda x: x * 2, [1, 2, 3]))
event['i'] = list(filter(lambda x: x > 1, [1, 2, 3]))
event['j'] = sorted(['bb', 'a', 'ccc'], key=len, reverse=True)
event['k'] = sorted('hello')
event['l'] = max([3, 9, 2]), min('b', 'a'), max('abc', key=lambda c: -ord(c)), max([], default=7)
event['m'] = list(zip('abc', [1, 2, 3])), list(enumerate('ab', 1)), list(reversed([1, 2])), any([0, 1]), all([1, 0])
event['n'] = list(map(lambda a, b: a + b, [1, 2], [3, 4]))
