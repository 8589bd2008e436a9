using System.Text;
using Pilotfish.Proxy.Http1;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http1;

public sealed class HeaderCaseTests
{
    [Theory]
    [InlineData("content-type: text/html", "Content-Type: text/html")]
    [InlineData("x-b3-traceid: a-b", "X-B3-Traceid: a-b")]
    [InlineData("foo$b#$are: a:b", "Foo$B#$Are: a:b")]
    [InlineData("host: a.example", "Host: a.example")]
    public void ProperWords_ChangesNamesOnly(string line, string expected)
    {
        byte[] head = Encoding.ASCII.GetBytes($"GET /lower?a-b:c HTTP/1.1\r\n{line}\r\n{line}\r\n\r\n");
        HeaderCase.ProperWords(head);
        Assert.Equal($"GET /lower?a-b:c HTTP/1.1\r\n{expected}\r\n{expected}\r\n\r\n", Encoding.ASCII.GetString(head));
    }
}
