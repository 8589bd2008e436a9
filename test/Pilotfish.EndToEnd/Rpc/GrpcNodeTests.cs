namespace Pilotfish.EndToEnd.Rpc;

/// <summary>grpc-js as client: every kind of call, against both servers, plaintext and TLS.</summary>
public sealed class GrpcNodeTests(RpcPlace place)
{
    [Theory]
    [InlineData("h2c-kestrel")]
    [InlineData("tls-kestrel")]
    [InlineData("h2c-node")]
    [InlineData("tls-node")]
    public async Task EveryKindOfCall(string listener)
    {
        string url = await place.UrlAsync(listener);
        string output = await NodeProcess.RunAsync("grpc.js", "client", NodeProcess.Script("../Rpc/echo.proto"), new Uri(url).Authority,
            listener.StartsWith("tls", StringComparison.Ordinal) ? place.AuthorityFile : "-");
        Assert.Equal(
            """
            {"unary":"hi","big":true,"failed":[9,"asked for 9 – ünï",[0,1,2,255]],"collect":[20,1000000],"expand":50,"chat":10,"deadline":4,"cancel":1,"retried":3}
            """.Trim(), output.Trim());
    }
}
