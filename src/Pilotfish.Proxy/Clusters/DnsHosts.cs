using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// STRICT_DNS (every address is a host) and LOGICAL_DNS (one host, whose address is the answer's first). A failing resolver
/// keeps the last hosts.
/// </summary>
internal sealed class DnsHosts : HostSource
{
    private readonly ClusterMembership _membership;
    private readonly AssignmentModel _assignment;
    private readonly NameResolver _resolver;
    private readonly WorkerRandom _random;
    private readonly DnsPolicy _policy;
    private readonly bool _logical;
    private readonly Target[] _targets;
    private readonly Counter _attempts;
    private readonly Counter _successes;
    private readonly Counter _failures;
    private readonly StatCells _cells;
    private Action? _initialized;
    private bool _disposed;

    public DnsHosts(
        ClusterMembership membership, AssignmentModel assignment, NameResolver resolver, EventLoop loop, WorkerRandom random)
    {
        _membership = membership;
        _assignment = assignment;
        _resolver = resolver;
        _random = random;
        _policy = membership.State.Config.Dns!;
        _logical = membership.State.Config.Discovery == DiscoveryKind.LogicalDns;
        _cells = membership.State.Scope.Store.Main;
        _attempts = membership.State.Scope.Counter("update_attempt");
        _successes = membership.State.Scope.Counter("update_success");
        _failures = membership.State.Scope.Counter("update_failure");
        _targets = new Target[assignment.Names.Count];
        for (int i = 0; i < _targets.Length; i++)
        {
            _targets[i] = new Target(assignment.Names[i]);
            _targets[i].Timer = new LoopTimer(loop, state => Resolve((Target)state!), _targets[i]);
        }
    }

    public override void Start(Action initialized)
    {
        _initialized = initialized;
        if (_targets.Length == 0)
        {
            Publish();
        }

        foreach (Target target in _targets)
        {
            Resolve(target);
        }
    }

    public override void Dispose()
    {
        _disposed = true;
        _initialized = null;
        foreach (Target target in _targets)
        {
            target.Timer!.Cancel();
        }
    }

    private async void Resolve(Target target)
    {
        _cells.Add(_attempts);
        NameAnswer answer = await AskAsync(target.Endpoint.Name);
        if (_disposed)
        {
            return;
        }

        target.Answered = true;
        long next;
        if (answer.IsOk)
        {
            _cells.Add(_successes);
            target.Failures = 0;
            target.Addresses = answer.Addresses;
            next = _policy.RespectsTtl && answer.TtlMilliseconds > 0 ? answer.TtlMilliseconds : _policy.RefreshMilliseconds;
        }
        else
        {
            _cells.Add(_failures);
            Log.Debug(LogComponent.Upstream, $"resolving {target.Endpoint.Name} failed: {answer.Failure}");
            long step = _policy.FailureBaseMilliseconds << Math.Min(target.Failures++, 16);
            next = 1 + _random.NextBelow((int)Math.Clamp(step, 1, Math.Min(int.MaxValue, _policy.FailureMaxMilliseconds)));
        }

        long jitter = _policy.JitterMilliseconds > 0 ? _random.NextBelow((int)Math.Min(int.MaxValue, _policy.JitterMilliseconds)) : 0;
        target.Timer!.Schedule(Math.Max(1, next + jitter));
        if (Array.TrueForAll(_targets, candidate => candidate.Answered))
        {
            Publish();
        }
    }

    private async ValueTask<NameAnswer> AskAsync(string name)
    {
        switch (_policy.Family)
        {
            case DnsLookupFamily.V4Only:
                return await _resolver.ResolveAsync(name, AddressFamilyKind.IPv4, _policy.Resolver);
            case DnsLookupFamily.V6Only:
                return await _resolver.ResolveAsync(name, AddressFamilyKind.IPv6, _policy.Resolver);
            case DnsLookupFamily.All:
                NameAnswer v4 = await _resolver.ResolveAsync(name, AddressFamilyKind.IPv4, _policy.Resolver);
                NameAnswer v6 = await _resolver.ResolveAsync(name, AddressFamilyKind.IPv6, _policy.Resolver);
                return v4.IsOk && v6.IsOk
                    ? new NameAnswer([.. v4.Addresses, .. v6.Addresses], Math.Min(v4.TtlMilliseconds, v6.TtlMilliseconds), null)
                    : v4.IsOk ? v4 : v6;
            default:
                bool v4First = _policy.Family == DnsLookupFamily.V4Preferred;
                NameAnswer first = await _resolver.ResolveAsync(name, v4First ? AddressFamilyKind.IPv4 : AddressFamilyKind.IPv6, _policy.Resolver);
                return first is { IsOk: true, Addresses.Count: > 0 }
                    ? first
                    : await _resolver.ResolveAsync(name, v4First ? AddressFamilyKind.IPv6 : AddressFamilyKind.IPv4, _policy.Resolver);
        }
    }

    private void Publish()
    {
        var hosts = new List<HostConfig>(_assignment.Hosts);
        foreach (Target target in _targets)
        {
            if (_logical)
            {
                AddLogical(target, hosts);
                continue;
            }

            foreach (NetAddress address in target.Addresses)
            {
                hosts.Add(target.Endpoint.Template with { Address = address.WithPort(target.Endpoint.Port) });
            }
        }

        _membership.Update(_assignment with { Hosts = hosts }, null);
        Action? initialized = _initialized;
        _initialized = null;
        initialized?.Invoke();
    }

    // New connections go to the first address that answers; those that are open stay, whatever the next answer is.
    private static void AddLogical(Target target, List<HostConfig> hosts)
    {
        if (target.Addresses.Count == 0)
        {
            return;
        }

        var more = new NetAddress[target.Addresses.Count - 1];
        for (int i = 0; i < more.Length; i++)
        {
            more[i] = target.Addresses[i + 1].WithPort(target.Endpoint.Port);
        }

        hosts.Add(target.Endpoint.Template with { Address = target.Addresses[0].WithPort(target.Endpoint.Port), AdditionalAddresses = more });
    }

    private sealed class Target(NamedEndpoint endpoint)
    {
        public NamedEndpoint Endpoint { get; } = endpoint;

        public LoopTimer? Timer { get; set; }

        public IReadOnlyList<NetAddress> Addresses { get; set; } = [];

        public bool Answered { get; set; }

        public int Failures { get; set; }
    }
}
