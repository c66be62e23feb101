# {"m": {"a": 1, "l": ["x", "y"], "drop": 1, "count": 10}, "a.b": "dotted", "gone": 1, "away": 2, "c": 1, "temp": 1}
event['n'] = len(event)
event['keys'] = sorted([k for k in event.keys() if k != 'gambolputty'])
event['read'] = [event['m.a'], event['m']['a'], event['m.l.1'], event.get('m.l.0'), event.get('nope'), event.get('nope.x', 5), event['a.b'], event.get('m.l.-1')]
event['in'] = ['m.a' in event, 'm.z' in event, 'm.l.5' in event, 'nope' not in event, 'm.l.0' in event, event.has_key('m') if hasattr(event, 'has_key') else True]
event['new.deep.path'] = 1
event['m.l.0'] = 'first'
event['m']['l'].append('more')
event['m.extra'] = [1]
event['m.extra'].append(2)
event['list'] = []
event['list'].append('x')
del event['gone']
del event['m.drop']
event['popped'] = [event.pop('away'), event.pop('nope', 'none')]
event.update({'up': 1, 'm.up': 2}, kw=3)
event['sd'] = [event.setdefault('up', 9), event.setdefault('fresh', 9)]
event['c'] += 1
event['m.count'] += 5
event['type'] = event['gambolputty.event_type']
event['items'] = [k for k, v in event.items() if k == 'up']
for k in list(event.keys()):
    if k == 'temp':
        del event[k]
