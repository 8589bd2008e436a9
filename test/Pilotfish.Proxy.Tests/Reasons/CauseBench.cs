using Envoy.Config.Accesslog.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using HttpFilter = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>A listener on a real socket whose records are kept, in front of cluster "c". Time stands until a test moves it.</summary>
internal sealed class CauseBench(EventLoop loop, ManualLoopClock clock)
{
    private const string Format = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG% %RESPONSE_CODE_DETAILS%";

    private TransportFixture? _fixture;

    public EventLoop Loop => loop;

    public List<string> Records { get; } = [];

    /// <summary>Requests that a host took and does not answer.</summary>
    public int Arrivals { get; set; }

    public TransportFixture Fixture
    {
        get
        {
            if (_fixture is null)
            {
                _fixture = new TransportFixture(loop, new DrainOptions { Milliseconds = 1000 });
                _fixture.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(Records));
                _fixture.Context.Extensions.Register<IHttpFilterFactory>(new SpoilingFilterFactory());
            }

            return _fixture;
        }
    }

    public AccessLog Log => new() { Name = "record", TypedConfig = Packed(Format) };

    /// <summary>For loggers and filters that read their word from a BytesValue.</summary>
    public static Any Packed(string text) => Any.Pack(new BytesValue { Value = ByteString.CopyFromUtf8(text) });

    /// <summary>Cluster "c".</summary>
    public void Cluster(Action<Cluster>? more = null, params NetAddress[] hosts)
    {
        Cluster cluster = TransportFixture.StaticCluster("c", hosts);
        more?.Invoke(cluster);
        Assert.Empty(Fixture.Apply(cluster));
    }

    /// <summary>Cluster "c" with one host that does this on every connection.</summary>
    public void Upstream(Func<TestClient, Task> serve, Action<Cluster>? more = null)
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        TestPeers.Serve(listener, stream => serve(new TestClient(stream)));
        Cluster(more, listener.LocalAddress);
    }

    /// <summary>Cluster "c" whose host answers every request with these bytes, and closes where told to.</summary>
    public void Answers(string bytes, bool closes = false, Action<Cluster>? more = null) => Upstream(
        async server =>
        {
            while (true)
            {
                await server.ReadHeadAsync();
                await server.SendAsync(bytes);
                if (closes)
                {
                    server.Stream.Close();
                    return;
                }
            }
        },
        more);

    /// <summary>An address that nobody listens on.</summary>
    public NetAddress Dead()
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        NetAddress address = listener.LocalAddress;
        listener.Close();
        return address;
    }

    /// <summary>The listener with a connection manager that sends everything to "c".</summary>
    public void Http(
        Action<HttpConnectionManager>? manager = null, Action<Route>? route = null, Action<Router>? router = null, Action<Listener>? listener = null)
    {
        var only = new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "c", Timeout = new Duration() } };
        route?.Invoke(only);
        var routing = new Router();
        router?.Invoke(routing);
        var hcm = new HttpConnectionManager
        {
            StatPrefix = "h",
            AccessLog = { Log },
            RouteConfig = new RouteConfiguration { VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { only } } } },
            HttpFilters = { new HttpFilter { Name = "envoy.filters.http.router", TypedConfig = Any.Pack(routing) } },
        };
        manager?.Invoke(hcm);
        Listen(Any.Pack(hcm), listener);
    }

    /// <summary>The listener with a TCP proxy to "c".</summary>
    public void Tcp(Action<Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy>? more = null, Action<Listener>? listener = null)
    {
        var proxy = new Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy { StatPrefix = "t", Cluster = "c", AccessLog = { Log } };
        more?.Invoke(proxy);
        Listen(Any.Pack(proxy), listener);
    }

    public async Task<TestClient> ConnectAsync() => new(await TestPeers.ConnectAsync(loop, Fixture.AddressOf("l")));

    /// <summary>A connection of its own on which these bytes are sent.</summary>
    public async Task<TestClient> SendAsync(string bytes)
    {
        TestClient client = await ConnectAsync();
        await client.SendAsync(bytes);
        return client;
    }

    public Task<TestClient> GetAsync(string more = "") => SendAsync($"GET / HTTP/1.1\r\nhost: a\r\n{more}\r\n");

    /// <summary>What the listener waits for does not come in time: it serves without.</summary>
    public void FetchTimesOut(string name) =>
        Assert.Single(Fixture.Subscriptions.Subscribers, s => s.Name == name).Consumer.OnInitialFetchTimeout(name);

    public Task UntilAsync(Func<bool> condition) => TestPeers.UntilAsync(loop, condition);

    public void Advance(int milliseconds) => clock.Advance(TimeSpan.FromMilliseconds(milliseconds));

    /// <summary>The listener is removed, and its drain time passes.</summary>
    public Task DrainAsync()
    {
        Fixture.Listeners.Apply([], ["l"], []);
        return AdvanceUntilRecordAsync();
    }

    /// <summary>Lets time pass in steps until something is logged: back-off and whatever else waits is over then.</summary>
    public Task AdvanceUntilRecordAsync() => UntilAsync(() =>
    {
        clock.AdvanceMilliseconds(10);
        return Records.Count > 0;
    });

    private void Listen(Any filter, Action<Listener>? more)
    {
        var listener = new Listener
        {
            Name = "l",
            StatPrefix = "l",
            Address = TransportFixture.Socket(NetAddress.Loopback(0)),
            FilterChains = { new FilterChain { Filters = { new Envoy.Config.Listener.V3.Filter { Name = "terminal", TypedConfig = filter } } } },
        };
        more?.Invoke(listener);
        Assert.Empty(Fixture.Apply(listener));
    }
}
