using System.Text;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Admin;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Clusters.Resolution;
using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// The data plane, wired together. Build compiles the bootstrap and rejects it with every problem; Start opens what it
/// describes, in this order: (1) admin, (2) static clusters, (3) clusters of the control plane and their endpoints, (4)
/// listeners, (5) their sockets. Main loop, except <see cref="PostStop"/>.
/// </summary>
public sealed class ProxyApp : IDisposable
{
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(5);

    // What the end of the process may wait for collectors of access logs; a dead one must not hold up the pod.
    private static readonly TimeSpan s_collectorLimit = TimeSpan.FromSeconds(1);

    private readonly ProxyInputs _inputs;
    private readonly ResourceTable _static;
    private readonly HeldResource _bootstrap;
    private readonly Gauge _workersStarted;
    private readonly StatTagRules _tags;
    private readonly ConnectionLimits _limits;
    private OverloadRefresher? _overload;
    private readonly MemoryReturn _memory;
    private bool _started;
    private bool _stopped;

    private ProxyApp(ProxyInputs inputs, WorkerSet workers, StatsStore stats, StatTagRules tags, AccessLogFiles files)
    {
        _inputs = inputs;
        Stats = stats;
        _tags = tags;
        Workers = workers;
        AccessLogs = files;
        Node = LocalNodeCompiler.Compile(inputs.Bootstrap, inputs.Options);
        Server = new ServerState(inputs.MainLoop, stats, workers.Count) { Refreshing = files.Publish };
        Subscriptions = new ConfigSubscriptions(inputs, stats, Node);
        ExtensionRegistry extensions = new();
        BuiltInExtensions.AddTo(extensions);
        inputs.Extensions?.Invoke(extensions);
        ConfigProblems remarks = new();
        extensions.Remarks = remarks;
        Context = new CompileContext
        {
            Extensions = extensions,
            Subscriptions = Subscriptions.Hub,
            Stats = stats,
            Node = Node,
            Workers = workers,
            AccessLogs = new AccessLogCompiler(files, extensions),
            Warnings = remarks,
            Health = Server.Health,
        };
        Clusters = new ClusterDirectory(Context, new DnsResolver(inputs.MainLoop, new SystemNameResolver()), (ulong)Random.Shared.NextInt64());
        Subscriptions.CallThrough(Clusters, Context.Clusters, workers.Main);
        DrainOptions drain = new()
        {
            Milliseconds = inputs.Options.DrainSeconds * 1000L,
            Strategy = inputs.Options.DrainStrategy,
        };
        Runtime = new RuntimeLoader(Context.Runtime, stats, inputs.MainLoop, Node.Cluster);
        _limits = new ConnectionLimits(Context.Runtime);
        Listeners = new ListenerDirectory(Context, drain, _limits);
        _workersStarted = stats.Scope("listener_manager").Gauge("workers_started");
        _static = new ResourceTable(inputs.MainLoop);
        _memory = new MemoryReturn(
            inputs.MainLoop,
            done => workers.PostCallers(static worker => worker.Loop.Buffers.Trim(), () =>
            {
                ProcessMemory.GiveBack();
                done();
            }),
            MemoryReadings.OfProcess);
        Subscriptions.Ads.OnApplied = _memory.OnPush;
        _bootstrap = ResourceArchive.KeepAlone("bootstrap", inputs.Bootstrap.ToByteArray(), "", inputs.MainLoop.WallNow);
        Admin = new AdminServer(inputs.MainLoop);
        AddAdminEndpoints(tags);
    }

    public StatsStore Stats { get; }

    public WorkerSet Workers { get; }

    public LocalNode Node { get; }

    public ServerState Server { get; }

    public ConfigSubscriptions Subscriptions { get; }

    public CompileContext Context { get; }

    public ClusterDirectory Clusters { get; }

    public ListenerDirectory Listeners { get; }

    public AccessLogFiles AccessLogs { get; }

    /// <summary>Where admin listens; none without an admin address.</summary>
    public NetAddress AdminAddress => Admin.Address;

    /// <summary>What /quitquitquit and a drain that ends the process do; the caller stops its loop.</summary>
    public Action? OnQuit { get; set; }

    internal AdminServer Admin { get; }

    internal RuntimeLoader Runtime { get; }

    /// <summary>
    /// Compiles the bootstrap. Throws <see cref="BootstrapRejectedException"/> with all problems. On the thread that the main
    /// loop is bound to.
    /// </summary>
    public static ProxyApp Build(ProxyInputs inputs)
    {
        List<string> problems = [];
        StatsStore stats = new();
        StatTagRules tags = StatTagRules.None;
        try
        {
            tags = StatsConfigCompiler.Tags(inputs.Bootstrap.StatsConfig);
            stats.Configure(
                StatsConfigCompiler.Matcher(inputs.Bootstrap.StatsConfig),
                StatsConfigCompiler.Buckets(inputs.Bootstrap.StatsConfig));
        }
        catch (ConfigRejectedException e)
        {
            problems.Add(e.Message);
        }

        bool validates = inputs.Options.ValidateOnly;
        int concurrency = inputs.Options.Concurrency is > 0 and int count ? count : CpuQuota.WorkerCount();
        WorkerSet workers = validates
            ? WorkerSet.OnLoop(inputs.MainLoop, stats)
            : new WorkerSet(concurrency, inputs.MainLoop, stats, (ulong)Random.Shared.NextInt64());
        AccessLogFiles files = new(
            new FileWriterOptions
            {
                FlushInterval = inputs.Options.FileFlushInterval,
                FlushBytesMin = inputs.Options.FileFlushMinKilobytes * 1024,
            },
            opensFiles: !validates);
        ProxyApp app = new(inputs, workers, stats, tags, files);
        app.ApplyBootstrap(problems);
        if (problems.Count > 0)
        {
            app.Dispose();
            throw new BootstrapRejectedException(problems);
        }

        return app;
    }

    /// <summary>Opens admin and begins to initialise. Throws <see cref="BootstrapRejectedException"/> when an address is taken.</summary>
    public void Start()
    {
        if (_inputs.Bootstrap.Admin?.Address is { } address)
        {
            NetAddress parsed = Addresses.Parse(address, "admin.address");
            IoError error = Admin.Listen(parsed);
            if (error != IoError.None)
            {
                throw new BootstrapRejectedException([$"admin.address: cannot listen on '{parsed}': {error.Describe()}"]);
            }

            WriteAdminAddress();
        }

        Workers.Start();
        _started = true;
        _overload?.Start();
        new StartUp(this, _inputs).Run();
    }

    /// <summary>As POST /drain_listeners.</summary>
    public void Drain(DrainRequest request)
    {
        Listeners.Drain(request.InboundOnly, request.Graceful);
        if (!request.SkipExit)
        {
            Server.Set(ServerPhase.Draining);
        }
    }

    /// <summary>What /stats/prometheus shows, for the agent that merges it with the application's metrics.</summary>
    public string PrometheusText(bool usedOnly)
    {
        Server.Refresh();
        StringBuilder text = new();
        Proxy.Stats.PrometheusText.Write(Stats, _tags, new StatsQuery { UsedOnly = usedOnly }, text);
        return text.ToString();
    }

    /// <summary>An admin connection without a socket, for the agent in the same process.</summary>
    public void ServeAdmin(IByteStream stream) => Admin.Serve(stream);

    /// <summary>
    /// A call of the agent's own to one of its servers, through the cluster that <paramref name="server"/> puts in place. Main loop, after
    /// <see cref="Build"/>.
    /// </summary>
    /// <returns>Gives the call up when it is disposed.</returns>
    public IDisposable Call(IControlPlane server, UnaryCallRequest request, IUnaryCallEvents events)
    {
        UnaryCall call = new(Workers.Main, Clusters, Context.Clusters.Reference(request.Cluster), request, events);
        call.Start(server);
        return call;
    }

    /// <summary>The sockets are open: the process serves.</summary>
    internal void Opened(IReadOnlyList<string> problems)
    {
        foreach (string problem in problems)
        {
            Log.Error(LogComponent.Config, problem);
        }

        Stats.Main.Set(_workersStarted, 1);
        Server.Set(ServerPhase.Live);
        _memory.OnStarted();
        Log.Info(LogComponent.Main, "all dependencies initialized. starting workers");
    }

    /// <summary>Ends everything: connections, subscriptions, log files. Idempotent.</summary>
    public void Dispose()
    {
        if (_stopped)
        {
            return;
        }

        _stopped = true;
        _overload?.Dispose();
        _memory.Dispose();
        Runtime.Dispose();
        Subscriptions.Dispose();
        Workers.Main.CloseClusters();
        Admin.Close();
        if (_started)
        {
            Context.Collectors.Close(s_collectorLimit);
        }

        Workers.Stop(s_stopLimit);
        AccessLogs.Dispose();
    }

    private void ApplyBootstrap(List<string> problems)
    {
        Bootstrap bootstrap = _inputs.Bootstrap;
        Collect(problems, () => Runtime.Configure(bootstrap.LayeredRuntime));
        Collect(problems, () => BootstrapChecks.Check(bootstrap, Context));
        Collect(problems, () =>
        {
            if (bootstrap.Admin?.Address is { } address)
            {
                Addresses.Parse(address, "admin.address");
            }
        });
        Collect(problems, () => Admin.AllowOnly(bootstrap.Admin?.AllowPaths ?? [], "admin.allow_paths"));
        Collect(problems, () => _overload = new OverloadRefresher(
            new OverloadCompiler(Context, _limits).Compile(bootstrap.OverloadManager), Workers, Stats.Main,
            Listeners.CloseIdleHttpConnections, Listeners.ResetHighMemoryStreams));
        foreach (Envoy.Extensions.TransportSockets.Tls.V3.Secret secret in bootstrap.StaticResources?.Secrets ?? [])
        {
            Context.StaticSecrets[secret.Name] = secret;
        }

        ApplyStatic(ResourceType.Cluster, Clusters, bootstrap.StaticResources?.Clusters ?? [], static c => c.Name, problems);
        ApplyStatic(ResourceType.Listener, Listeners, bootstrap.StaticResources?.Listeners ?? [], static l => l.Name, problems);
        Collect(problems, () => Subscriptions.PrepareAds(bootstrap.DynamicResources?.AdsConfig));
        Collect(problems, () =>
        {
            if (bootstrap.DynamicResources?.CdsConfig is { } cds)
            {
                Subscriptions.TableOf(cds);
            }

            if (bootstrap.DynamicResources?.LdsConfig is { } lds)
            {
                Subscriptions.TableOf(lds);
            }
        });
    }

    private void ApplyStatic<T>(
        ResourceType type, IResourceCollection collection, IEnumerable<T> messages, Func<T, string> name, List<string> problems)
        where T : IMessage
    {
        SubscribedType subscribed = _static.Type(type);
        subscribed.Collection = collection;
        List<ArrivedResource> updates = [];
        foreach (T message in messages)
        {
            updates.Add(new ArrivedResource(name(message), PackedMessage.Plain(message.ToByteArray()), ""));
        }

        List<RejectedResource> rejected = [];
        _static.Apply(subscribed, updates, [], rejected);
        foreach (RejectedResource resource in rejected)
        {
            problems.Add($"static {(type == ResourceType.Cluster ? "cluster" : "listener")} '{resource.Name}': {resource.Reason}");
        }
    }

    private static void Collect(List<string> problems, Action check)
    {
        try
        {
            check();
        }
        catch (ConfigRejectedException e)
        {
            problems.Add(e.Message);
        }
    }

    private void WriteAdminAddress()
    {
        if (_inputs.Options.AdminAddressPath is { Length: > 0 } path)
        {
            try
            {
                File.WriteAllText(path, Admin.Address.ToString());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Log.Error(LogComponent.Admin, $"cannot write the admin address to '{path}': {FailureText.Of(e)}");
            }
        }
    }

    /// <summary>After log rotation: access logs and the process's log go to newly opened files. Main loop.</summary>
    internal void ReopenLogs()
    {
        AccessLogs.Reopen();
        Log.PostReopen();
    }

    private void AddAdminEndpoints(StatTagRules tags)
    {
        Admin.AddAll(new StatsEndpoints(Stats, tags, Server, new HistogramIntervals(Stats, _inputs.MainLoop)).All);
        Admin.AddAll(new ServerInfoEndpoints(Server, _inputs.Options, Node, Workers.Count).All);
        Admin.AddAll(new LifecycleEndpoints(Server, ReopenLogs, () => OnQuit?.Invoke(), Drain).All);
        Admin.Add(LoggingEndpoint.Endpoint);
        Admin.AddAll(new RuntimeEndpoints(Runtime).All);
        Admin.Add(new ConfigDumpEndpoint(_bootstrap, _static, Context.ScopedRoutes, Context.VirtualHosts, () => Subscriptions.Tables).Endpoint);
        Admin.Add(new ClustersEndpoint(Clusters, _static).Endpoint);
        Admin.Add(new CertsEndpoint(Listeners, Clusters, _inputs.MainLoop).Endpoint);
        Admin.AddAll(new ListenersEndpoints(Listeners, Clusters, Server).All);
    }
}
