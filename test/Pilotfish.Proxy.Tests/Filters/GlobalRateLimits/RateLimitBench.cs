using System.Buffers.Binary;
using System.Text;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Envoy.Service.Ratelimit.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Filters.GlobalRateLimits;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.AccessLogs.Collectors;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using RateLimitFilter = Envoy.Extensions.Filters.Http.Ratelimit.V3.RateLimit;
using Rule = Envoy.Config.Route.V3.RateLimit;

namespace Pilotfish.Proxy.Tests.Filters.GlobalRateLimits;

/// <summary>A proxy that asks a rate limit service, played by hand, before a backend; on a clock that stands.</summary>
internal sealed class RateLimitBench : IDisposable
{
    public const string Get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    public const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    private readonly EventLoop _loop;
    private readonly TestUpstream _service;
    private Http2Peer? _peer;
    private CollectorPeer? _messages;

    public RateLimitBench(EventLoop loop, Action<RateLimitFilter>? configure = null, Action<RouteConfiguration>? configureRoutes = null)
    {
        _loop = loop;
        Backend = new TestUpstream(loop);
        _service = new TestUpstream(loop);
        Proxy = new ProxyBench(loop);
        var factory = new GlobalRateLimitFilterFactory();
        Proxy.Context.Extensions.Register<IHttpFilterFactory>(factory);
        Proxy.Context.Extensions.Register<IHttpFilterRouteConfigFactory>(factory);
        Proxy.AddCluster("backend", Backend.Address);
        Proxy.AddHttpCluster("limits", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, _service.Address);
        var route = new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration() } };
        var routes = new RouteConfiguration { Name = "r", VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { route } } } };
        if (configureRoutes is null)
        {
            route.Route_.RateLimits.Add(Named("all"));
        }

        configureRoutes?.Invoke(routes);
        RateLimitFilter filter = Filter();
        configure?.Invoke(filter);
        Proxy.Serve(routes, hcm => hcm.HttpFilters.Insert(1, ProxyBench.Filter("limit", filter)));
    }

    public ProxyBench Proxy { get; }

    public TestUpstream Backend { get; }

    public Http2Peer Service => _peer!;

    /// <summary>The call that was asked last.</summary>
    public int StreamId => _messages!.StreamId;

    public static void Run(Func<EventLoop, ManualLoopClock, Task> test)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => test(loop, clock));
    }

    public static RateLimitFilter Filter(string cluster = "limits") => new()
    {
        Domain = "shop",
        RateLimitService = new() { GrpcService = new() { EnvoyGrpc = new() { ClusterName = cluster } } },
    };

    /// <summary>A rule whose descriptor is generic_key with this value.</summary>
    public static Rule Named(string value) => new() { Actions = { new Rule.Types.Action { GenericKey = new() { DescriptorValue = value } } } };

    public long Counter(string name) => Proxy.Stats.Value(Proxy.Stats.Scope("cluster.backend").Counter(name));

    public async Task<TestClient> SendAsync(string request = Get)
    {
        TestClient client = Proxy.Connect();
        await client.SendAsync(request);
        return client;
    }

    public async Task<Http2Peer> AcceptAsync()
    {
        if (_peer is null)
        {
            _peer = new Http2Peer((await _service.AcceptAsync()).Stream);
            await _peer.StartServerAsync();
            _messages = new CollectorPeer(_peer);
        }

        return _peer;
    }

    /// <summary>The next question.</summary>
    public async Task<RateLimitRequest> AskedAsync()
    {
        await AcceptAsync();
        return RateLimitRequest.Parser.ParseFrom(await _messages!.ReadMessageAsync());
    }

    /// <summary>The next question as text: the domain, and each descriptor's entries.</summary>
    public async Task<string> AskedTextAsync()
    {
        RateLimitRequest asked = await AskedAsync();
        return $"{asked.Domain}: {string.Join("; ", asked.Descriptors.Select(static one => string.Join(',', one.Entries.Select(static entry => $"{entry.Key}={entry.Value}"))))}";
    }

    public Task AnswerAsync(RateLimitResponse.Types.Code code) => AnswerAsync(new RateLimitResponse { OverallCode = code });

    public Task AnswerAsync(RateLimitResponse response) => AnswerAsync(response.ToByteArray());

    public Task AnswerAsync(byte[] message) => AnswerAsync(Service, StreamId, message);

    public static async Task AnswerAsync(Http2Peer service, int stream, byte[] message)
    {
        byte[] framed = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed, 5);
        await service.HeadersAsync(stream, end: false, (":status", "200"), ("content-type", "application/grpc"));
        await service.DataAsync(stream, Encoding.Latin1.GetString(framed), end: false);
        await service.HeadersAsync(stream, end: true, ("grpc-status", "0"));
    }

    public Task FailAsync(int status = 14) => Service.HeadersAsync(
        StreamId, end: true, (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", $"{status}"));

    public async Task<TestClient> PassedAsync() => await Backend.AcceptAsync();

    public async Task TurnAsync()
    {
        for (int turns = 0; turns < 20; turns++)
        {
            await _loop.YieldAsync();
        }
    }

    public void Dispose()
    {
        Backend.Dispose();
        _service.Dispose();
    }
}
