using System.Diagnostics;
using System.Net.Sockets;
using System.Threading.Channels;
using Pilotfish.Local.Dns;
using Pilotfish.Local.Kubelet;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Network;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Local.State;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Mesh;

/// <summary>
/// A whole mesh: 1 node, 2 DNS, 3 control plane, 4 pods; then one task turns every change of files or pods into pods,
/// addresses, names and state, until it is told to stop and removes everything.
/// </summary>
internal sealed class LocalMesh
{
    /// <summary>How often files are looked at. Polling needs no inotify instance, of which a machine may have none left.</summary>
    private static readonly TimeSpan s_filePoll = TimeSpan.FromMilliseconds(250);

    /// <summary>A change is read by the control plane within half a second; until this long after it, its opinion is asked at each poll.</summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(3);

    /// <summary>Otherwise as rarely as this: a control plane that was restarted may see more, or less, than the one before.</summary>
    private static readonly TimeSpan s_problemPoll = TimeSpan.FromSeconds(2);

    /// <summary>A look takes a few milliseconds of processor time; the problem it finds has waited longer for a person.</summary>
    private static readonly TimeSpan s_rivalPoll = TimeSpan.FromSeconds(1);

    private readonly MeshOptions _options;
    private readonly MeshFolders _folders;
    private readonly NodeContext _node;
    private readonly ClusterDns _dns;
    private readonly ServiceRules _rules;
    private readonly ServiceCatalog _services;
    private readonly StateWriter _state;
    private readonly ManifestReader _reader;
    private readonly WorkloadController _workloads;
    private readonly IControlPlane _controlPlane;
    private readonly StandingProblems _problems;
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private ManifestSet _manifests = ManifestSet.Empty;
    // As published last; stopping pods read it from tasks of their own.
    private volatile IReadOnlyList<PodWorker> _running = [];
    private CancellationToken _stop;
    private string _phase = MeshDescription.Starting;
    private Task _controlPlaneStart = Task.CompletedTask;
    private bool _podsAreWanted;
    private string _described = string.Empty;
    private long _changedAt;
    private long _askedAt;
    private long _lookedAt;

    private LocalMesh(MeshOptions options, NodeContext node, IPodInjector injector, IControlPlane controlPlane)
    {
        _options = options;
        _folders = node.Folders;
        _node = node;
        _dns = ClusterDns.Start(node.Sockets);
        _rules = new ServiceRules(node.Node);
        _services = new ServiceCatalog(node.Addresses);
        _state = new StateWriter(_folders.RuntimeState);
        _reader = new ManifestReader(options.Directory);
        _workloads = new WorkloadController(node, injector, WithdrawnAsync, SignalChange);
        _controlPlane = controlPlane;
        _problems = new StandingProblems(node.Report);
    }

    /// <summary>Runs until <paramref name="stop"/>; whatever happens, nothing of the mesh is left when it returns.</summary>
    public static async Task RunAsync(
        MeshOptions options,
        MeshFolders folders,
        IPodInjector injector,
        Func<NodeContext, IControlPlane> controlPlane,
        Action<string> report,
        CancellationToken stop)
    {
        report("making the node's namespaces");
        await using Sandbox sandbox = await Sandbox.StartAsync("node", NodeScript);
        await HostCommand.RunAsync("ip", ["netns", "attach", folders.NodeNamespace, $"{sandbox.InitPid}"]);
        using var sockets = NetworkNamespaceThread.Enter(sandbox.NetworkNamespacePath);
        using var tokens = new ServiceTokens();
        var node = new NodeContext
        {
            Folders = folders,
            ManifestFolder = options.Directory,
            Node = sandbox,
            Sockets = sockets,
            Links = new PodLinks(sandbox),
            Addresses = new AddressPlan(),
            Executables = Executables.Find(),
            Tokens = tokens,
            Report = report,
        };
        var mesh = new LocalMesh(options, node, injector, controlPlane(node));
        await mesh.RunAsync(stop);
    }

    /// <summary>A link to nowhere carries the node's addresses; every kernel that has pods' links has this kind.</summary>
    private static string NodeScript => $"""
        printf %s {NodeContext.NodeName} >/proc/sys/kernel/hostname
        echo 1 >/proc/sys/net/ipv4/ip_forward
        ip link add pf-node type veth peer name pf-peer
        ip addr add {AddressPlan.Node}/32 dev pf-node
        ip addr add {AddressPlan.Dns}/32 dev pf-node
        ip addr add {AddressPlan.ControlPlane}/32 dev pf-node
        ip link set pf-node up
        ip link set pf-peer up
        ip route add {AddressPlan.ServiceRange} dev pf-node
        """;

    private async Task RunAsync(CancellationToken stop)
    {
        _stop = stop;
        try
        {
            ReadManifests();
            await PublishAsync();
            _node.Report("starting the control plane and the pods");
            _controlPlaneStart = StartControlPlaneAsync();
            using var published = CancellationTokenSource.CreateLinkedTokenSource(stop);
            List<Socket> listeners = StartPublishing(published.Token);
            try
            {
                await ServeAsync(stop);
            }
            finally
            {
                await published.CancelAsync();
                listeners.ForEach(listener => listener.Dispose());
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop; what follows removes everything.
        }
        finally
        {
            _node.Report("stopping the pods");
            await _workloads.StopAllAsync();
            await _controlPlane.StopAsync();
            _dns.Dispose();
        }
    }

    private async Task ServeAsync(CancellationToken stop)
    {
        Task polling = PollFilesAsync(stop);
        ReconcileWorkloads();
        SignalChange();
        await foreach (bool _ in _changes.Reader.ReadAllAsync(stop))
        {
            if (_controlPlaneStart.IsFaulted)
            {
                await _controlPlaneStart;
            }

            ReadManifests();
            ReconcileWorkloads();
            await PublishAsync();
            LookForRivals();
            await AskForProblemsAsync();
            Describe(_workloads.Pods);
        }

        await polling;
    }

    private async Task StartControlPlaneAsync()
    {
        await _controlPlane.StartAsync();
        _node.Report("the control plane answers; sidecars reach it in plaintext (15010, inside the node's namespace), for the mesh has no identities yet");
        SignalChange();
    }

    private async Task PollFilesAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(s_filePoll);
        while (await timer.WaitForNextTickAsync(stop))
        {
            SignalChange();
        }
    }

    private void ReadManifests()
    {
        if (_reader.Read(out ManifestSet manifests, out IReadOnlyList<string> errors))
        {
            _manifests = manifests;
            _changedAt = Stopwatch.GetTimestamp();
            _problems.Set("files", errors);
            var refused = new List<string>();
            _services.Update(manifests, refused);
            _problems.Set("services", refused);
            if (!manifests.Objects.Any(WorkloadExpander.IsWorkload))
            {
                _node.Report($"no file in {_options.Directory} describes a pod yet; the files are watched");
            }
        }
    }

    private void ReconcileWorkloads()
    {
        _workloads.Reconcile(_manifests);
        _podsAreWanted = true;
        _problems.Set("workloads", _workloads.Refusals);
    }

    /// <summary>What pods declare against their sidecars, and what they do.</summary>
    private void LookForRivals()
    {
        if (Stopwatch.GetElapsedTime(_lookedAt) > s_rivalPoll)
        {
            _problems.Set("pods", _workloads.Pods.SelectMany(static pod => PodWarnings.Of(pod.Pod)).Concat(SidecarRivals.Of(_workloads.Pods)));
            _lookedAt = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>The control plane reads the same files and knows the fields of Istio's kinds, which nobody else does.</summary>
    private async Task AskForProblemsAsync()
    {
        bool due = Stopwatch.GetElapsedTime(_changedAt) < s_fresh || Stopwatch.GetElapsedTime(_askedAt) > s_problemPoll;
        if (!due || !_controlPlaneStart.IsCompletedSuccessfully)
        {
            return;
        }

        _askedAt = Stopwatch.GetTimestamp();
        if (await _controlPlane.ProblemsAsync() is { } found)
        {
            _problems.Set("control plane", found);
        }
    }

    /// <summary>State first: a pod that leaves must be out of the control plane's endpoints as early as can be.</summary>
    private async Task PublishAsync()
    {
        IReadOnlyList<PodWorker> pods = _running = _workloads.Pods;

        // Asked before anything is written: a pod that becomes ready meanwhile is in what is written, or is not counted yet.
        bool areReady = pods.All(p => p.IsReady || p.Phase is PodPhase.Succeeded);
        _state.Write(pods, _services.Services);
        _dns.Publish(_services.Names(pods));
        IReadOnlyList<ServiceRoute> routes = _services.Routes(pods);
        try
        {
            await _rules.ApplyAsync(routes, pods.Select(p => p.Address));
        }
        catch (LocalException e)
        {
            // Mends itself with the next change; sidecars do not need these rules.
            _node.Report(e.Message);
        }

        bool settled = _podsAreWanted && _controlPlaneStart.IsCompleted && areReady;
        if (_phase == MeshDescription.Starting && settled)
        {
            // Ready pods are not yet known to every sidecar: a request sent now could find no endpoint.
            await _controlPlane.SettleAsync([.. routes.SelectMany(route => route.Endpoints)], Sidecars());
            _phase = MeshDescription.Running;
            _node.Report($"the mesh is up: {pods.Count} pods are ready");
        }

        Describe(pods);
    }

    private Task WithdrawnAsync(PodWorker pod) => _controlPlane.SettleWithoutAsync(pod.Address, Sidecars(), _stop);

    private string[] Sidecars() => [.. _running.Where(p => p.IsReady && p.Pod.HasSidecar).Select(p => $"{p.Pod.Name.Name}.{p.Pod.Name.Namespace}")];

    private void Describe(IReadOnlyList<PodWorker> pods)
    {
        var description = new MeshDescription(
            _options.Directory, Environment.ProcessId, _phase, [.. pods.Select(p => p.Describe())], _problems.All);
        string text = description.ToJson();
        if (text != _described)
        {
            MeshDescription.Write(_folders.Description, text);
            _described = text;
        }
    }

    private List<Socket> StartPublishing(CancellationToken stop)
    {
        var listeners = new List<Socket>();
        foreach (PublishedPort port in _options.Published)
        {
            Socket listener = port.Listen();
            listeners.Add(listener);
            _ = port.ServeAsync(
                listener, _node.Sockets, name => _services.Services.FirstOrDefault(s => s.Name == name)?.Address, stop);
            _node.Report($"port {port.HostPort} of this machine leads to {port.Service} port {port.ServicePort}");
        }

        return listeners;
    }

    private void SignalChange() => _changes.Writer.TryWrite(true);
}
