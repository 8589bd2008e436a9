using System.Text.Json;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class LocalReplyJsonTests
{
    [Fact]
    public void JsonFormat_BodyIsTheObject_WithItsContentType() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        bench.Serve(static hcm => hcm.LocalReplyConfig = new LocalReplyConfig
        {
            BodyFormat = new SubstitutionFormatString
            {
                JsonFormat = new Struct
                {
                    Fields = { ["status"] = Value.ForString("%RESPONSE_CODE%"), ["text"] = Value.ForString("%LOCAL_REPLY_BODY%") },
                },
            },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 503 ", head);
        Assert.Contains("content-type: application/json\r\n", head);
        using JsonDocument body = JsonDocument.Parse(await client.ReadToEndAsync());
        Assert.Equal("503", body.RootElement.GetProperty("status").ToString());
        Assert.Equal("no healthy upstream", body.RootElement.GetProperty("text").GetString());
    });
}
