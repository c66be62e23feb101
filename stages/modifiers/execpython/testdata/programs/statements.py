# {}
total = 0
for i in range(10):
    if i == 3: continue
    if i == 7:
        break
    total += i
else:
    total = -1
n = 0
while n < 5:
    n += 1
else:
    total += 100
while True:
    n -= 1
    if n < 0:
        break
else:
    total = -5
a, b = 1, 2
a, b = b, a
(c, d), e = (3, 4), 5
f = g = [0]
g.append(1)
event['x'] = [total, n, a, b, c, d, e, f]
for k, v in sorted({'x': 1, 'y': 2}.items()):
    event['k' + k] = v
x: int = 5
event['y'] = x; event['z'] = 2
if total == 1:
    pass
elif total == 118:
    event['w'] = 'elif'
else:
    event['w'] = total
for i in []:
    pass
else:
    event['empty'] = True
p, q = 'xy'
event['unpacked'] = p + q
