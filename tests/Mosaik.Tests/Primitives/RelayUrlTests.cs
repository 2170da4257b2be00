using Mosaik.Primitives;

namespace Mosaik.Tests.Primitives;

public sealed class RelayUrlTests
{
    [Theory]
    [InlineData("https://relay.example.org/"), InlineData("http://relay.example.org/"), InlineData("https://relay.example.com./")]
    [InlineData("https://use1-1.relay.n0.iroh-canary.iroh.link./"), InlineData("https://a_b.example:8443/path/x;y=1,2@3/%41")]
    [InlineData("https://127.0.0.1:3340/"), InlineData("http://[2001:db8::1]:3340/"), InlineData("https://[::1]/")]
    [InlineData("https://[1:0:0:2::]/"), InlineData("https://xn--mnchen-3ya.example/"), InlineData("https://localhost:444/")]
    [InlineData("http://h:443/"), InlineData("https://h:80/"), InlineData("https://h:65535/"), InlineData("https://h//a/...")]
    [InlineData("https://[::ffff:c000:201]/"), InlineData("https://1.2.3.4a/"), InlineData("https://[::102:304]/")]
    [InlineData("https://[0:0:1::]/"), InlineData("https://[1::2:0:0:3:4]/")]
    public void Canonical(string url) => Assert.True(RelayUrl.IsCanonical(url));

    [Theory]
    [InlineData(""), InlineData("https://"), InlineData("https:///"), InlineData("ftp://h/"), InlineData("HTTPS://h/")]
    [InlineData("https://h"), InlineData("https://Host/"), InlineData("https://h:443/"), InlineData("http://h:80/")]
    [InlineData("https://h:/"), InlineData("https://h:0/"), InlineData("https://h:0443/"), InlineData("https://h:65536/")]
    [InlineData("https://h:1x/"), InlineData("https://u@h/"), InlineData("https://u:p@h/"), InlineData("https://h/?q")]
    [InlineData("https://h/#f"), InlineData("https://h/a b"), InlineData("https://h/ä"), InlineData("https://h/a/../b")]
    [InlineData("https://h/."), InlineData("https://h/%2e/"), InlineData("https://h/.%2E"), InlineData("https://h/%2e%2e")]
    [InlineData("https://.h/"), InlineData("https://h../"), InlineData("https://a..b/"), InlineData("https://./")]
    [InlineData("https://1.2.3/"), InlineData("https://1.2.3.256/"), InlineData("https://01.2.3.4/"), InlineData("https://1.2.3.4./")]
    [InlineData("https://host.0x1f/"), InlineData("https://host.123/"), InlineData("https://0x/"), InlineData("https://host.0x/")]
    [InlineData("https://[::1/"), InlineData("https://[]/"), InlineData("https://[2001:DB8::1]/"), InlineData("https://[2001:db8:0::1]/")]
    [InlineData("https://[::ffff:192.0.2.1]/"), InlineData("https://[fe80::1%251]/"), InlineData("https://[1:2:3:4:5:6:0:8]x/")]
    [InlineData("https://[1::3:4:5:6:7:8]/"), InlineData("https://[1::2:0:0:3:4:0]x/"), InlineData("https://[1:0:0:2::3:4]/"), InlineData("https://xn--/"), InlineData("https://xn--a/")]
    [InlineData("https://h^/"), InlineData("https://h%41/"), InlineData("https://h/|"), InlineData("https://h\\/"), InlineData("https://:443/")]
    public void Not_canonical(string url) => Assert.False(RelayUrl.IsCanonical(url));
}
