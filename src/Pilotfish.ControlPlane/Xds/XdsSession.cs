using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Pilotfish.Api.Names;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>
/// One stream. A reader task feeds requests into a bounded channel; the loop below alone handles requests and pushes, so state
/// needs no lock and responses are in order. Other threads call only members that start with Post, and Describe.
/// </summary>
internal sealed partial class XdsSession
{
    // A client that floods requests waits for its answers.
    private const int RequestsQueuedMax = 64;

    private readonly long _id;
    private readonly DiscoveryServer _server;
    private readonly IXdsTransport _transport;
    private readonly ILogger _logger;
    private readonly PendingPush _pending = new();
    private readonly Channel<XdsRequest?> _events = Channel.CreateBounded<XdsRequest?>(RequestsQueuedMax);

    // The loop only.
    private readonly Dictionary<string, Subscription> _subscriptions = new(StringComparer.Ordinal);
    private PushContext _push;
    private ProxyNode? _node;
    private ProxyView? _proxy;
    private long _nonces;

    // Any thread reads; the loop replaces.
    private volatile SessionStatus _status;

    public XdsSession(long id, DiscoveryServer server, IXdsTransport transport, PushContext push, ILogger logger)
    {
        _id = id;
        _server = server;
        _transport = transport;
        _push = push;
        _logger = logger;
        _status = new SessionStatus(id, null, push, []);
    }

    public SessionStatus Describe() => _status;

    public void PostPush(PushContext context, IReadOnlyCollection<ConfigKey> changed)
    {
        if (_pending.Merge(context, changed))
        {
            // Null stands for "look at the pending push"; when the channel is full the loop looks anyway after each request.
            _events.Writer.TryWrite(null);
        }
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reader = ReadAsync(stop.Token);
        try
        {
            await foreach (var request in _events.Reader.ReadAllAsync(stop.Token))
            {
                if (request is not null)
                {
                    await HandleAsync(request, stop.Token);
                }

                await DoPendingPushAsync(stop.Token);
                Publish();
            }
        }
        finally
        {
            await stop.CancelAsync();
            await reader;
        }
    }

    private async Task ReadAsync(CancellationToken cancellation)
    {
        Exception? failure = null;
        try
        {
            while (await _transport.ReadAsync(cancellation) is { } request)
            {
                await _events.Writer.WriteAsync(request, cancellation);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or RpcException or InvalidOperationException)
        {
            // The client went away or the stream was reset: routine, the loop ends and the client comes back.
            failure = e is OperationCanceledException ? null : e;
        }

        if (failure is not null)
        {
            Log.StreamBroken(_logger, _node?.Id ?? "?", failure.Message);
        }

        _events.Writer.TryComplete();
    }

    private async Task HandleAsync(XdsRequest request, CancellationToken cancellation)
    {
        if (_node is null)
        {
            Identify(request);
        }

        if (XdsTypes.PushOrder.Contains(request.TypeUrl) is false)
        {
            // Health reports and types of other systems: nothing to answer.
            return;
        }

        if (request.Error is { } error)
        {
            HandleRejection(request, error);
            return;
        }

        if (!_subscriptions.TryGetValue(request.TypeUrl, out var subscription))
        {
            await OpenAsync(request, cancellation);
            return;
        }

        var stale = request.ResponseNonce.Length > 0 && request.ResponseNonce != subscription.NonceSent;
        if (stale && !_transport.IsIncremental)
        {
            // It answers an older response; the answer to the last one is still to come and names all that is wanted.
            return;
        }

        if (!stale && request.ResponseNonce.Length > 0)
        {
            subscription.NonceAcked = request.ResponseNonce;
            subscription.LastError = null;
        }

        var added = Update(subscription, request);
        if (added.Count > 0)
        {
            await SendNamedAsync(subscription, added, cancellation);
        }
    }

    private void Identify(XdsRequest request)
    {
        if (request.Node is null || request.Node.Id.Length == 0)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "The first request of a stream must carry the node."));
        }

        if (!ProxyNodeReader.TryRead(request.Node, out var node, out var error))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, error));
        }

        _node = node;
        _proxy = ProxyView.Resolve(_push, node!);
        Log.Connected(_logger, node!.Id, _transport.IsIncremental ? "delta" : "state-of-the-world");
    }

    private void HandleRejection(XdsRequest request, string error)
    {
        Log.Rejected(_logger, XdsTypes.ShortName(request.TypeUrl), _node!.Id, error);
        _server.Statistics.CountRejection(request.TypeUrl);
        if (_subscriptions.TryGetValue(request.TypeUrl, out var subscription))
        {
            subscription.LastError = error;
        }
    }

    private async Task OpenAsync(XdsRequest request, CancellationToken cancellation)
    {
        var wildcard = XdsTypes.IsWildcard(request.TypeUrl);
        var subscription = new Subscription(request.TypeUrl, wildcard);
        _subscriptions[request.TypeUrl] = subscription;
        Update(subscription, request);
        foreach (var (name, version) in request.HeldVersions)
        {
            subscription.Sent[name] = version;
        }

        // The first answer goes out even if empty: the client waits for it.
        await SendAsync(subscription, subscription.Names, force: true, cancellation);
    }

    /// <summary>Applies the change of names and returns those to be sent now.</summary>
    private static List<string> Update(Subscription subscription, XdsRequest request)
    {
        var added = new List<string>();
        if (subscription.Wildcard)
        {
            return added;
        }

        if (request.NamesAreWhole)
        {
            foreach (var name in subscription.Names.Where(name => !request.Subscribe.Contains(name)).ToList())
            {
                subscription.Names.Remove(name);
                subscription.Sent.Remove(name);
            }

            added.AddRange(request.Subscribe.Where(subscription.Names.Add));
            return added;
        }

        foreach (var name in request.Unsubscribe)
        {
            subscription.Names.Remove(name);
            subscription.Sent.Remove(name);
        }

        foreach (var name in request.Subscribe)
        {
            // A repeated subscription asks for the resource again.
            subscription.Names.Add(name);
            added.Add(name);
        }

        return added;
    }

    private async Task DoPendingPushAsync(CancellationToken cancellation)
    {
        if (!_pending.TryTake(out var context, out var changed))
        {
            return;
        }

        var before = _push;
        _push = context;
        if (_node is null)
        {
            return;
        }

        _proxy = ProxyView.Resolve(context, _node);
        var headless = _proxy.Scope.Services.Any(static service => service.Resolution == ServiceResolution.Passthrough);
        var plan = PushPlan.For(
            changed, _node, headless, context.Mesh.RootNamespace, before.Snapshot, context.Snapshot);
        foreach (var typeUrl in XdsTypes.PushOrder)
        {
            if (plan.Types.Contains(typeUrl) && _subscriptions.TryGetValue(typeUrl, out var subscription))
            {
                await SendAsync(subscription, Affected(subscription, before, plan), force: false, cancellation);
            }
        }
    }

    // Changes of services and pods touch the assignments of hosts whose endpoint list was rebuilt.
    private IReadOnlyCollection<string> Affected(Subscription subscription, PushContext before, PushPlan plan)
    {
        if (subscription.TypeUrl != TypeUrls.ClusterLoadAssignment || plan.RulesOfAssignmentsChanged)
        {
            return subscription.Names;
        }

        return subscription.Names.Where(name =>
        {
            var host = name[(name.LastIndexOf('|') + 1)..];
            return !ReferenceEquals(before.Endpoints.Of(host), _push.Endpoints.Of(host));
        }).ToList();
    }

    private async Task SendNamedAsync(Subscription subscription, List<string> names, CancellationToken cancellation)
    {
        names.ForEach(name => subscription.Sent.Remove(name));
        await SendAsync(subscription, names, force: true, cancellation);
    }

    private async Task SendAsync(
        Subscription subscription, IReadOnlyCollection<string> names, bool force, CancellationToken cancellation)
    {
        var generated = ResourceGenerator.Generate(_push, _proxy!, subscription.TypeUrl, names);
        var changed = generated.FindAll(resource => subscription.Sent.GetValueOrDefault(resource.Name) != resource.Version);
        var removed = Removed(subscription, names, generated);
        if (changed.Count == 0 && removed.Count == 0 && !force)
        {
            return;
        }

        foreach (var resource in changed)
        {
            subscription.Sent[resource.Name] = resource.Version;
        }

        removed.ForEach(name => subscription.Sent.Remove(name));
        var whole = !_transport.IsIncremental && subscription.Wildcard;
        subscription.NonceSent = $"{_server.PushVersion}/{_id}-{++_nonces}";
        await _transport.WriteAsync(
            new XdsResponse(subscription.TypeUrl, _server.PushVersion, subscription.NonceSent, whole ? generated : changed, removed),
            cancellation);
        _server.Statistics.CountPush(subscription.TypeUrl);
        if (subscription.TypeUrl == TypeUrls.Cluster)
        {
            await ResendEndpointsAsync(changed, cancellation);
        }
    }

    private List<string> Removed(Subscription subscription, IReadOnlyCollection<string> names, List<GeneratedResource> generated)
    {
        var present = generated.Select(static resource => resource.Name).ToHashSet(StringComparer.Ordinal);
        return subscription.Wildcard
            ? [.. subscription.Sent.Keys.Where(name => !present.Contains(name))]
            : [.. names.Where(name => !present.Contains(name))];
    }

    // A changed cluster warms and waits for its assignment, which nobody else would send as long as it is the same.
    private async Task ResendEndpointsAsync(List<GeneratedResource> clusters, CancellationToken cancellation)
    {
        if (!_subscriptions.TryGetValue(TypeUrls.ClusterLoadAssignment, out var endpoints))
        {
            return;
        }

        var names = clusters.Select(static cluster => cluster.Name).Where(endpoints.Names.Contains).ToList();
        if (names.Count > 0)
        {
            await SendNamedAsync(endpoints, names, cancellation);
        }
    }

    private void Publish() => _status = new SessionStatus(_id, _node, _push, [.. _subscriptions.Values.Select(static s =>
        new SubscriptionStatus(s.TypeUrl, s.NonceSent, s.NonceAcked, s.LastError, [.. s.Sent.Keys]))]);

    private static partial class Log
    {
        [LoggerMessage(EventName = "ProxyConnected", Level = LogLevel.Information, Message = "Proxy {Proxy} connected ({Variant} xDS).")]
        public static partial void Connected(ILogger logger, string proxy, string variant);

        [LoggerMessage(EventName = "XdsRejected", Level = LogLevel.Warning, Message = "Proxy {Proxy} rejected {Type}: {Reason}")]
        public static partial void Rejected(ILogger logger, string type, string proxy, string reason);

        [LoggerMessage(EventName = "XdsStreamBroken", Level = LogLevel.Debug, Message = "The stream of proxy {Proxy} broke: {Reason}")]
        public static partial void StreamBroken(ILogger logger, string proxy, string reason);
    }
}
