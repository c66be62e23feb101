# {}
s = '  Hello World  '
event['a'] = [s.strip(), s.lstrip(), s.rstrip(), s.upper(), s.lower(), s.split(), 'a,b,,c'.split(','), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1), ' a  b c '.split(None, 1), ' a  b c '.rsplit(None, 1)]
event['b'] = ['x'.join(['a', 'b']), 'aXbX'.replace('X', 'y'), 'aXbX'.replace('X', 'y', 1), 'hello'.find('l'), 'hello'.rfind('l'), 'hello'.find('z'), 'hello'.index('l'), 'hello'.count('l'), 'é1é'.find('1'), 'é1é'.find('é', 1)]
event['c'] = ['hello'.startswith('he'), 'hello'.startswith(('x', 'he')), 'hello'.endswith('lo'), 'hello'.startswith('l', 2), 'hello'.endswith('l', 0, 4)]
event['d'] = ['abc'.isalpha(), '12'.isdigit(), 'a1'.isalnum(), ' '.isspace(), 'AB'.isupper(), 'ab'.islower(), 'Ab Cd'.istitle(), ''.isalpha()]
event['e'] = ['hello world'.title(), 'hello World'.capitalize(), 'Ab'.swapcase(), '42'.zfill(5), '-42'.zfill(5), 'ab'.ljust(4) + '|', 'ab'.rjust(4), 'ab'.center(5, '*'), 'a'.center(4, '*'), 'abc'.center(2)]
event['f'] = ['a:b:c'.partition(':'), 'a:b:c'.rpartition(':'), 'abc'.partition(':'), 'abc'.rpartition(':'), 'ab'.removeprefix('a'), 'ab'.removesuffix('b'), 'xxaxx'.strip('x')]
event['g'] = ['a\nb\r\nc'.splitlines(), 'a\nb\n'.splitlines(True), 'a\tb'.expandtabs(4), 'x' 'y' "z", '''tri
ple''', r'\d\n', 'tab\tnew\n', '\x41\u00e9', u'u']
event['h'] = ['%s and %d' % ('a', 5), '%5.2f|%-6s|%06d|%x|%X|%o|%e|%g|%%' % (3.14159, 'ab', 42, 255, 255, 8, 12345.678, 0.0001), '%(k)s' % {'k': 'v'}, '%r' % 'x', '%s' % [1, 'a'], '%c' % 'x', '%+d' % 5, '%5s|%-5s|' % ('a', 'b'), '%.2s' % 'abc', '%s' % 1.0, '%d' % 3.7, '%i' % 5]
event['i'] = ['{} {}'.format(1, 'a'), '{1} {0}'.format('a', 'b'), '{k:>5}|'.format(k='v'), '{:.3f}'.format(2.0), '{:,}'.format(1234567), '{:08.3f}'.format(3.14159), '{0[a]}'.format({'a': 1}), '{!r}'.format('x'), '{:^7}|'.format('a'), '{:x} {:b} {:o} {:e}'.format(255, 5, 8, 1234.5), '{:%}'.format(0.25), '{:{w}}|'.format('a', w=4), '{{}}'.format(), '{:+}'.format(3), '{:_}'.format(10000), '{:#x}'.format(255), '{:>+8.1f}'.format(2.25), '{:<5}|'.format(3), '{:05d}'.format(-3), '{:g}'.format(1e10), '{:10.3}|'.format('abcdef'), '{:.2%}'.format(0.12345)]
event['j'] = [str(1.0), str(True), str(None), str([1, 'a', 2.5]), str({'a': 1}), str((1,)), str('x'), repr('it\'s'), repr("q'\""), repr('\n'), str(1e16), str(1e-5), str(0.1), repr(set([1])), str(-0.0), str(1e22)]
event['k'] = ['a' in 'abc', 'abc' * 2, 'a' + 'b', 'abc'[1], len('äöü'), 'straße'.lower(), 'ÄÖ'.lower(), ord('a'), chr(97), hex(255), oct(8), bin(5)]
event['l'] = ['one two'.split(' ', -1), ''.split(), ''.split(','), 'aaa'.replace('', '-'), 'abc'.count(''), 'a-b'.split('-', maxsplit=1), 'abcabc'.rindex('b'), ' x '.join('ab')]
