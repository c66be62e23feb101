# {}
import hashlib, base64, uuid, string
event['a'] = [hashlib.md5('abc'.encode()).hexdigest(), hashlib.sha1('abc'.encode('utf-8')).hexdigest(), hashlib.sha256('abc'.encode()).hexdigest(), hashlib.new('sha512', 'abc'.encode()).hexdigest(), hashlib.sha224().hexdigest(), hashlib.sha384('x'.encode()).digest_size]
h = hashlib.md5()
h.update('a'.encode())
h.update('bc'.encode())
event['b'] = [h.hexdigest(), h.name, h.copy().hexdigest()]
event['c'] = [base64.b64encode('hello?>'.encode()).decode(), base64.b64decode('aGVsbG8=').decode(), base64.urlsafe_b64encode('hello?>'.encode()).decode(), base64.b32encode('hi'.encode()).decode(), base64.b16encode('hi'.encode()).decode(), base64.b64decode('aGVs bG8=').decode()]
event['d'] = [len(str(uuid.uuid4())), len(uuid.uuid4().hex), str(uuid.uuid5(uuid.NAMESPACE_DNS, 'example.com')), str(uuid.uuid3(uuid.NAMESPACE_URL, 'x')), uuid.uuid4().version, str(uuid.UUID('{12345678-1234-5678-1234-567812345678}')), uuid.uuid1().version]
event['e'] = [string.ascii_lowercase, string.digits, string.punctuation, string.capwords('hello world'), string.hexdigits, string.whitespace]
