using System.Text;
using Pilotfish.Proxy.Listeners;

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
}
