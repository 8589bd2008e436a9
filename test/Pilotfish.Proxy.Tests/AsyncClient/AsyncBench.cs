using Xunit;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Tests.AsyncClient;

/// <summary>A cluster named "backend" whose only host is a scripted peer, and calls to it.</summary>
internal sealed class AsyncBench : IDisposable
{
    private readonly TestUpstream _upstream;

    public AsyncBench(EventLoop loop, bool isHttp2 = true)
    {
        Loop = loop;
        _upstream = new TestUpstream(loop);
        Bench = new ProxyBench(loop);
        State = isHttp2
            ? Bench.AddHttpCluster(
                "backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, _upstream.Address)
            : Bench.AddCluster("backend", _upstream.Address);
    }

    public EventLoop Loop { get; }

    public ProxyBench Bench { get; }

    public ClusterState State { get; }

    public RecordingGrpcEvents Events { get; } = new();

    public Runtime.Sockets.NetAddress Address => _upstream.Address;

    public Worker Worker => Bench.Workers.All[0];

    public ClusterReference Cluster => Bench.Context.Clusters.Reference("backend");

    public static GrpcMethod Method { get; } = new("pkg.Service", "Method");

    public AsyncGrpcStream Call(AsyncGrpcOptions? options = null) => new(Worker, Cluster, Method, options ?? AsyncGrpcOptions.Default, Events);

    public AsyncGrpcRequest Unary(AsyncGrpcOptions? options = null) => new(Worker, Cluster, Method, options ?? AsyncGrpcOptions.Default, Events);

    public async Task<TestClient> AcceptHttp1Async() => await _upstream.AcceptAsync();

    public async Task<Http2Peer> AcceptAsync(params (SettingId, uint)[] settings)
    {
        var server = new Http2Peer((await _upstream.AcceptAsync()).Stream);
        await server.StartServerAsync(settings);
        return server;
    }

    public Task UntilAsync(Func<bool> condition) => Transport.TestPeers.UntilAsync(Loop, condition);

    public Task UntilEndAsync() => UntilAsync(() => Events.Ends.Count > 0);

    /// <summary>Asserts that nothing of a call is left behind.</summary>
    public void AssertIdle()
    {
        Assert.Equal(0, Bench.Counter("cluster.backend.upstream_rq_active"));
        Assert.Equal(0, Bench.Counter("cluster.backend.upstream_rq_pending_active"));
    }

    public void Dispose() => _upstream.Dispose();
}
