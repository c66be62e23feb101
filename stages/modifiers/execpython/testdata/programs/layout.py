# {"msg": "x"}
    # indented, with comments
    import math as m, json
    from datetime import (
        datetime as dt,
        timedelta,
    )
    values = [
        1,
        2,  # two
    ]
    def add(a: int, b: int = 2) -> int:
        "says what it does"
        return a \
            + b
    event['a'] = add(1); event['b'] = add(
        1,
        b=5,
    )
    if True: event['c'] = 1; event['d'] = 2
    else: event['c'] = 3
    event['e'] = m.floor(2.5), json.dumps({'x': {'y': [1]}})
    text = '''
  keeps its
      blanks'''
    event['f'] = text
    event['g'] = [dt(2020, 1, 1) + timedelta(1) > dt(2020, 1, 1),
                  -3 ** 2, not 1 == 2, 1 if 0 else 2 if 0 else 3]
    class_ = {'a': {'b': [1, 2, {'c': 'deep'}]}}
    event['h'] = class_['a']['b'][-1]['c'][0].upper() + str(class_['a']['b'][0] + 1)
    event['i'] = [(a, b) for a in 'xy' for b in range(2) if b or a == 'x'], 1
    event['j'] = lambda_ = 5
    for (k, (x, y)) in [('p', (1, 2))]:
        event['k'] = [k, x, y]
    while values:
        v = values.pop()
        if v == 1:
            continue
        event['l'] = v
    def early(x):
        for i in range(10):
            if i == x:
                return i
        return None
    event['m'] = [early(3), early(50)]
    counter = {'n': 0}
    def bump():
        counter['n'] += 1
        return counter['n']
    event['n'] = [bump(), bump(), bump() == 3 and bump()]
    if event['n'][0] == 1 and \
       event['n'][1] == 2:
        event['o'] = 'continued'
    return
    event['never'] = 1
