using System.Text;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Listeners;

public sealed class PrefaceParserTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\n", HttpPreface.Http11)]
    [InlineData("POST /a?b HTTP/1.0\r\n", HttpPreface.Http10)]
    [InlineData("\r\nGET / HTTP/1.1\r\n", HttpPreface.Http11)]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HttpPreface.Http2)]
    internal void Http_SplitAtEveryByte_NeedsMoreThenIsFound(string text, HttpPreface expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        for (int i = 1; i < bytes.Length; i++)
        {
            Assert.Equal(HttpPreface.NeedMore, HttpPrefaceParser.Parse(bytes.AsSpan(0, i)));
        }

        Assert.Equal(expected, HttpPrefaceParser.Parse(bytes));
    }

    [Theory]
    [InlineData("\x16\x03\x01")]
    [InlineData("\0\0\0\x4a\x0a")]
    [InlineData("220 mail ready\r\n")]
    [InlineData("HELLO WORLD\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9\r\n")]
    public void Bytes_NotHttp_AreToldAsSoonAsPossible(string text) =>
        Assert.Equal(HttpPreface.NotHttp, HttpPrefaceParser.Parse(Encoding.Latin1.GetBytes(text)));

    [Fact]
    public void ProxyLine_SplitAtEveryByte_IsRead()
    {
        byte[] bytes = "PROXY TCP4 192.0.2.1 198.51.100.2 1111 443\r\n"u8.ToArray();
        for (int i = 1; i < bytes.Length; i++)
        {
            Assert.Equal(ProxyHeaderStatus.NeedMore, ProxyHeaderParser.Parse(bytes.AsSpan(0, i), out _));
        }

        Assert.Equal(ProxyHeaderStatus.Done, ProxyHeaderParser.Parse([.. bytes, 1, 2], out ProxyHeader header));
        Assert.Equal(bytes.Length, header.Length);
        Assert.Equal(NetAddress.Parse("192.0.2.1:1111"), header.Source);
        Assert.Equal(NetAddress.Parse("198.51.100.2:443"), header.Destination);
    }

    [Fact]
    public void ProxyBinary_SplitAtEveryByte_IsRead()
    {
        byte[] bytes =
        [
            0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, 12,
            192, 0, 2, 1, 198, 51, 100, 2, 4, 87, 1, 187,
        ];
        for (int i = 1; i < bytes.Length; i++)
        {
            Assert.Equal(ProxyHeaderStatus.NeedMore, ProxyHeaderParser.Parse(bytes.AsSpan(0, i), out _));
        }

        Assert.Equal(ProxyHeaderStatus.Done, ProxyHeaderParser.Parse(bytes, out ProxyHeader header));
        Assert.Equal(NetAddress.Parse("192.0.2.1:1111"), header.Source);
        Assert.Equal(NetAddress.Parse("198.51.100.2:443"), header.Destination);
    }

    [Theory]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n")]
    [InlineData("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4\r\n")]
    public void ProxyLine_Wrong_IsMalformed(string line) =>
        Assert.Equal(ProxyHeaderStatus.Malformed, ProxyHeaderParser.Parse(Encoding.ASCII.GetBytes(line), out _));
}
