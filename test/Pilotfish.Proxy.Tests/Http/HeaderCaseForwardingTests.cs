using Envoy.Config.Core.V3;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class HeaderCaseForwardingTests
{
    [Fact]
    public void ProperCaseWords_ResponseNamesAreCapitalised_AndRequestsStayAsTheClusterWants() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.HttpProtocolOptions = new Http1ProtocolOptions
        {
            HeaderKeyFormat = new Http1ProtocolOptions.Types.HeaderKeyFormat
            {
                ProperCaseWords = new Http1ProtocolOptions.Types.HeaderKeyFormat.Types.ProperCaseWords(),
            },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.Contains("\r\nx-one: 1\r\n", await server.ReadHeadAsync());
        await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-custom-name: Value\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.Contains("\r\nContent-Length: 0\r\n", head);
        Assert.Contains("\r\nX-Custom-Name: Value\r\n", head);
        Assert.Contains("\r\nServer: envoy\r\n", head);
    });
}
