using Pilotfish.Proxy.Listeners;

namespace Pilotfish.Proxy.Tests.Listeners;

public sealed class ClientHelloParserTests
{
    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1)]
    [InlineData(7)]
    public void Hello_SplitAtEveryByte_NeedsMoreThenIsRead(int recordBytes)
    {
        byte[] hello = ClientHellos.Create("Reviews.Default.svc", ["istio-peer-exchange", "istio"], recordBytes);
        byte[] scratch = new byte[hello.Length];
        for (int i = 1; i < hello.Length; i++)
        {
            Assert.Equal(ClientHelloStatus.NeedMore, ClientHelloParser.Parse(hello.AsSpan(0, i), scratch, out _));
        }

        Assert.Equal(ClientHelloStatus.Done, ClientHelloParser.Parse(hello, scratch, out ClientHelloFacts facts));
        Assert.Equal("reviews.default.svc", facts.ServerName);
        Assert.Equal(["istio-peer-exchange", "istio"], facts.ApplicationProtocols);
    }

    [Fact]
    public void Hello_WithoutExtensions_HasNoFacts()
    {
        byte[] hello = ClientHellos.Create(null, []);
        Assert.Equal(ClientHelloStatus.Done, ClientHelloParser.Parse(hello, new byte[hello.Length], out ClientHelloFacts facts));
        Assert.Null(facts.ServerName);
        Assert.Empty(facts.ApplicationProtocols);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("\x16GARBAGE")]
    [InlineData("\x15\x03\x01")]
    public void Bytes_NotTls_AreToldAtOnce(string text)
    {
        byte[] bytes = System.Text.Encoding.Latin1.GetBytes(text);
        Assert.Equal(ClientHelloStatus.NotTls, ClientHelloParser.Parse(bytes, new byte[bytes.Length], out _));
    }

    [Fact]
    public void Hello_AnyByteChanged_NeverThrows()
    {
        byte[] hello = ClientHellos.Create("a.b", ["h2"]);
        byte[] scratch = new byte[hello.Length];
        for (int i = 0; i < hello.Length; i++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] changed = [.. hello];
                changed[i] ^= (byte)(1 << bit);
                ClientHelloParser.Parse(changed, scratch, out _);
            }
        }
    }
}
