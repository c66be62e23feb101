# {"x": "y"}
name = 'world'
n = 3.14159
event['a'] = [f'hello {name}', f'{n:.2f}', f'{name!r}', f'{{x}}', f'{name:>8}|', f'{1 + 2}', f"{event['x']}", f'{name.upper()}', f'{n:{8}.{3}}|', f'a' 'b' f'{1}', f'{[1, 2]}', f'{ {"a": 1}["a"] }', f'{name if n > 3 else 0}', f'''{name}
line''', rf'\d{n:.0f}', f'{(lambda x: x)(1)}', f'{name!s:>7}|', f'{True}{None}', f'{1,2}', f'{255:#x} {5:03d}']
