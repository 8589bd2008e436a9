using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class LocalReplyRulesTests
{
    [Fact]
    public void Mapper_Matching_ChangesStatusBodyHeadersAndFormat() => LoopRunner.Run(async loop =>
    {
        ResponseMapper mapper = Mapper(503);
        mapper.StatusCode = 418;
        mapper.Body = new DataSource { InlineString = "short" };
        mapper.HeadersToAdd.Add(new HeaderValueOption { Header = new HeaderValue { Key = "x-mapped", Value = "yes" } });
        mapper.BodyFormatOverride = new SubstitutionFormatString
        {
            TextFormatSource = new DataSource { InlineString = "%RESPONSE_CODE%: %LOCAL_REPLY_BODY% %REQ(:path)%" },
            ContentType = "text/html",
        };
        TestClient client = await AskAsync(loop, new LocalReplyConfig { Mappers = { mapper } });
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 418 ", head);
        Assert.Contains("x-mapped: yes\r\n", head);
        Assert.Contains("content-type: text/html\r\n", head);
        Assert.Contains("content-length: 13\r\n", head);
        Assert.Equal("418: short /p", await client.ReadBytesAsync(13));
    });

    [Fact]
    public void Mapper_NotMatching_LeavesTheReply() => LoopRunner.Run(async loop =>
    {
        ResponseMapper mapper = Mapper(404);
        mapper.StatusCode = 418;
        TestClient client = await AskAsync(loop, new LocalReplyConfig { Mappers = { mapper } });
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void Mappers_FirstMatchWins() => LoopRunner.Run(async loop =>
    {
        ResponseMapper first = Mapper(503);
        first.StatusCode = 418;
        ResponseMapper second = Mapper(503);
        second.StatusCode = 419;
        TestClient client = await AskAsync(loop, new LocalReplyConfig { Mappers = { first, second } });
        Assert.StartsWith("HTTP/1.1 418 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void Format_OfAllReplies_Applies() => LoopRunner.Run(async loop =>
    {
        TestClient client = await AskAsync(loop, new LocalReplyConfig
        {
            BodyFormat = new SubstitutionFormatString { TextFormatSource = new DataSource { InlineString = "<%RESPONSE_FLAGS%>" } },
        });
        Assert.Contains("content-type: text/plain\r\n", await client.ReadHeadAsync());
        Assert.Equal("<NC>", await client.ReadBytesAsync(4));
    });

    [Fact]
    public void Mapper_WithoutFilter_IsRejectedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        var config = new LocalReplyConfig { Mappers = { new ResponseMapper() } };
        string message = Assert.Throws<ConfigRejectedException>(() => bench.Serve(hcm => hcm.LocalReplyConfig = config)).Message;
        Assert.StartsWith("local_reply_config.mappers[0].filter: ", message);
        return Task.CompletedTask;
    });

    private static ResponseMapper Mapper(uint status) => new()
    {
        Filter = new AccessLogFilter
        {
            StatusCodeFilter = new StatusCodeFilter
            {
                Comparison = new ComparisonFilter
                {
                    Op = ComparisonFilter.Types.Op.Eq,
                    Value = new RuntimeUInt32 { DefaultValue = status, RuntimeKey = "none" },
                },
            },
        },
    };

    // There is no cluster "backend": every request is answered with 503 NC.
    private static async Task<TestClient> AskAsync(Runtime.Loops.EventLoop loop, LocalReplyConfig config)
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.LocalReplyConfig = config);
        TestClient client = bench.Connect();
        await client.SendAsync("GET /p HTTP/1.1\r\nHost: a\r\n\r\n");
        return client;
    }
}
