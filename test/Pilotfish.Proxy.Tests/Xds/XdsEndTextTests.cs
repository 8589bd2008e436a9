using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tests.Xds;

public sealed class XdsEndTextTests
{
    [Theory]
    [InlineData("the server's own end", GrpcStatusCode.Ok, "", null, "the server closed it")]
    [InlineData("the server's status", GrpcStatusCode.Unauthenticated, "no such token.", null, "Unauthenticated: no such token")]
    [InlineData("a forged line", GrpcStatusCode.Internal, "a\n[critical] b", null, "Internal: a [critical] b")]
    [InlineData("a broken connection", GrpcStatusCode.Unavailable, "upstream_reset{x}", "refused", "Unavailable: refused. Try another port")]
    public void End_IsASentenceForAPerson(string what, object status, string message, string? transport, string expected)
    {
        _ = what;
        var end = new GrpcEnd((GrpcStatusCode)status, message, AsyncFailureKind.None, transport);

        Assert.Equal(expected, XdsEndText.Of(in end, new Adviser()));
    }

    [Fact]
    public void Message_WithoutEnd_IsCut()
    {
        var end = new GrpcEnd(GrpcStatusCode.Internal, new string('x', 100_000), AsyncFailureKind.None);

        Assert.InRange(XdsEndText.Of(in end, new Adviser()).Length, 1, 1024);
    }

    private sealed class Adviser : IXdsDialler
    {
        public string Name => "";

        public IXdsCall Dial(GrpcMethod method, IXdsCallEvents events) => throw new NotSupportedException();

        public string? Advice(string transportFailure) => "Try another port.";
    }
}
