using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using ConfigSource = Envoy.Config.Core.V3.ConfigSource;

namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>
/// scoped_routes of one connection manager: the headers of a request give a key, the key a scope, the scope its routes (inline or RDS).
/// Compiled and updated on the main loop; workers take the table once per choice of a route.
/// </summary>
public sealed class ScopedRoutesSlot : IDisposable
{
    private readonly CompileContext _context;
    private readonly ScopeKeyBuilder _keys;
    private readonly ConfigSource? _routeSource;
    private readonly ScopedRoutesStats _stats;
    private readonly string _statPrefix;
    private readonly Dictionary<string, SharedRoutes> _routes = new(StringComparer.Ordinal);
    private ScopedRouteDirectory? _directory;
    private volatile Dictionary<ByteKey, ScopeEntry> _table = new(ByteKeyComparer.Instance);
    private bool _disposed;

    private ScopedRoutesSlot(
        string name, ScopeKeyBuilder keys, ConfigSource? routeSource, string statPrefix, StatScope scope, CompileContext context)
    {
        (Name, _keys, _routeSource, _statPrefix, _context) = (name, keys, routeSource, statPrefix, context);
        _stats = new ScopedRoutesStats(scope);
    }

    /// <summary>ScopedRoutes.name.</summary>
    public string Name { get; }

    /// <summary>The scopes of the configuration itself as messages, for /config_dump; empty when they come by SRDS.</summary>
    internal IReadOnlyList<ByteString> Inline { get; private init; } = [];

    internal bool IsInline => _directory is null;

    /// <summary>Where the subscription to the scopes counts; null when they are inline.</summary>
    internal SubscriptionStats? Subscription { get; private set; }

    /// <summary>Whether its scopes are those of this subscription.</summary>
    internal bool Follows(SubscribedType type) => _directory is not null && ReferenceEquals(type.Stats, _directory);

    internal DateTimeOffset Created { get; private init; }

    /// <summary>Compiles scoped_routes. What has to come first goes to the context's warming; the slot itself to what the chain owns.</summary>
    /// <exception cref="ConfigRejectedException">Names the field below scoped_routes.</exception>
    public static ScopedRoutesSlot Compile(ScopedRoutes config, string statPrefix, NetworkFilterContext context)
    {
        if (config.Name.Length == 0)
        {
            throw new ConfigRejectedException("name", "the scoped routes have no name");
        }

        var keys = ScopeKeyBuilder.Compile(config.ScopeKeyBuilder, "scope_key_builder");
        List<ScopedRoute> inline = [];
        if (config.ConfigSpecifierCase == ScopedRoutes.ConfigSpecifierOneofCase.ScopedRouteConfigurationsList)
        {
            inline = CompileList(config.ScopedRouteConfigurationsList, context.Config);
        }
        else if (config.ScopedRds?.ScopedRdsConfigSource is null)
        {
            throw new ConfigRejectedException(
                config.ScopedRds is null ? "config_specifier" : "scoped_rds.scoped_rds_config_source", "the scopes come from nowhere");
        }
        else if (config.ScopedRds.SrdsResourcesLocator.Length > 0)
        {
            throw new ConfigRejectedException("scoped_rds.srds_resources_locator", "xdstp names are not available in Pilotfish");
        }

        StatScope scope = context.Config.Stats.Scope($"http.{statPrefix}.scoped_rds.{config.Name}");
        context.Owned.Add(scope);
        var slot = new ScopedRoutesSlot(config.Name, keys, config.RdsConfigSource, $"http.{statPrefix}", scope, context.Config)
        {
            Inline = config.ScopedRouteConfigurationsList is { } list ? Messages(list) : [],
            Created = context.Config.Workers.MainLoop.WallNow,
        };
        context.Owned.Add(slot);
        context.Config.ScopedRoutes.Slots.Add(slot);
        Listeners.Warming.Target target = context.Warming.Add($"SRDS {config.Name}");
        if (config.ScopedRds is { } srds)
        {
            slot.Subscription = new SubscriptionStats(scope);
            slot.Follow(srds.ScopedRdsConfigSource, target);
        }
        else
        {
            slot.Use(inline);
            slot.WhenRoutesAreReady(target.Ready);
        }

        return slot;
    }

    /// <summary>The routes of a request by its headers as they are now; null when it has no scope, or one without routes. Worker.</summary>
    public RouteConfigModel? Find(HeaderMap headers) => FindEntry(headers)?.Current;

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _context.ScopedRoutes.Slots.Remove(this);
        if (_directory is { } directory)
        {
            _context.ScopedRoutes.Leave(directory, this);
        }

        foreach (SharedRoutes routes in _routes.Values)
        {
            routes.Slot.Dispose();
        }

        _routes.Clear();
    }

    internal ScopeEntry? FindEntry(HeaderMap headers)
    {
        Span<byte> key = stackalloc byte[ScopeKey.BytesMax];
        return _keys.TryBuild(headers, key, out int length)
            && _table.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key[..length], out ScopeEntry? entry)
            ? entry
            : null;
    }

    /// <summary>Replaces the scopes in force. Main loop.</summary>
    internal void Use(IReadOnlyCollection<ScopedRoute> scopes)
    {
        Dictionary<ByteKey, ScopeEntry> old = _table;
        var table = new Dictionary<ByteKey, ScopeEntry>(scopes.Count, ByteKeyComparer.Instance);
        List<ScopeEntry> fresh = [];
        foreach (ScopedRoute scope in scopes)
        {
            if (old.TryGetValue(scope.Key, out ScopeEntry? before) && before.Scope == scope)
            {
                table.Add(scope.Key, before);
                continue;
            }

            var entry = new ScopeEntry(scope);
            fresh.Add(entry);
            table.Add(scope.Key, entry);
            entry.Before = before?.Slot?.Current is null ? before?.Before : before.Slot;
            if (!scope.IsOnDemand || before?.Slot is not null)
            {
                Fill(entry);
            }
        }

        _table = table;
        Settle(fresh);
        _stats.Reloaded(_context.Workers.MainLoop.WallNow);
        Count();
    }

    /// <summary>
    /// Asks for the routes of a scope that are wanted on demand; the callback runs on the caller's loop once they are here or known not to
    /// come. Any loop.
    /// </summary>
    internal void PostDemand(ScopeEntry entry, EventLoop caller, Action<object?> ready, object state) => _context.Workers.MainLoop.Post(
        static demand => ((Action)demand!)(), () => Demand(entry, () => caller.Post(ready, state)));

    private void Demand(ScopeEntry entry, Action ready)
    {
        if (_disposed)
        {
            ready();
            return;
        }

        if (entry.Slot is null)
        {
            Fill(entry);
            Count();
        }

        entry.Slot!.WhenReady(ready);
    }

    private static List<ScopedRoute> CompileList(ScopedRouteConfigurationsList list, CompileContext context)
    {
        const string field = "scoped_route_configurations_list.scoped_route_configurations";
        if (list.ScopedRouteConfigurations.Count == 0)
        {
            throw new ConfigRejectedException(field, "it has no scope");
        }

        List<ScopedRoute> scopes = [];
        var byKey = new Dictionary<ByteKey, ScopedRoute>(ByteKeyComparer.Instance);
        for (int i = 0; i < list.ScopedRouteConfigurations.Count; i++)
        {
            try
            {
                var scope = ScopedRoute.Compile(list.ScopedRouteConfigurations[i], context);
                if (!byKey.TryAdd(scope.Key, scope))
                {
                    throw new ConfigRejectedException(
                        "key", $"scope key conflict found, first scope is '{byKey[scope.Key].Name}', second scope is '{scope.Name}'");
                }

                scopes.Add(scope);
            }
            catch (ConfigRejectedException rejected)
            {
                throw rejected.Within($"{field}[{i}]");
            }
        }

        return scopes;
    }

    private static List<ByteString> Messages(ScopedRouteConfigurationsList list)
    {
        List<ByteString> messages = [];
        foreach (ScopedRouteConfiguration scope in list.ScopedRouteConfigurations)
        {
            messages.Add(scope.ToByteString());
        }

        return messages;
    }

    private void Follow(ConfigSource source, Listeners.Warming.Target target)
    {
        try
        {
            _directory = _context.ScopedRoutes.Join(source, this, _context);
        }
        catch (ConfigRejectedException rejected)
        {
            throw rejected.Within("scoped_rds.scoped_rds_config_source");
        }

        if (_directory.IsKnown)
        {
            Use(_directory.Scopes);
        }

        _directory.WhenKnown(() => WhenRoutesAreReady(target.Ready));
    }

    private void WhenRoutesAreReady(Action ready)
    {
        int left = 1;
        foreach (SharedRoutes routes in _routes.Values)
        {
            left++;
            routes.Slot.WhenReady(One);
        }

        One();

        void One()
        {
            if (--left == 0)
            {
                ready();
            }
        }
    }

    private void Fill(ScopeEntry entry)
    {
        ScopedRoute scope = entry.Scope;
        if (scope.Inline is { } inline)
        {
            entry.Slot = RouteConfigSlot.Fixed(inline);
            return;
        }

        if (!_routes.TryGetValue(scope.RouteName, out SharedRoutes? routes))
        {
            routes = new SharedRoutes(RouteConfigSlot.Subscribe(scope.RouteName, _context, _routeSource, _statPrefix));
            _routes.Add(scope.RouteName, routes);
        }

        entry.Slot = routes.Slot;
    }

    /// <summary>Routes that were replaced serve until the new ones are here; what nothing names any more is given up.</summary>
    private void Settle(List<ScopeEntry> fresh)
    {
        foreach (ScopeEntry entry in fresh)
        {
            if (entry.Before is not null && entry.Slot is { } slot)
            {
                slot.WhenReady(() =>
                {
                    entry.Before = null;
                    DropUnused();
                });
            }
        }

        DropUnused();
    }

    private void DropUnused()
    {
        HashSet<RouteConfigSlot> used = [];
        foreach (ScopeEntry entry in _table.Values)
        {
            if (entry.Slot is { } slot)
            {
                used.Add(slot);
            }

            if (entry.Before is { } before)
            {
                used.Add(before);
            }
        }

        foreach (KeyValuePair<string, SharedRoutes> routes in new List<KeyValuePair<string, SharedRoutes>>(_routes))
        {
            if (!used.Contains(routes.Value.Slot))
            {
                _routes.Remove(routes.Key);
                routes.Value.Slot.Dispose();
            }
        }
    }

    private void Count()
    {
        int onDemand = 0;
        int active = 0;
        foreach (ScopeEntry entry in _table.Values)
        {
            onDemand += entry.Scope.IsOnDemand ? 1 : 0;
            active += entry.Slot is null ? 0 : 1;
        }

        _stats.Count(_table.Count, onDemand, active);
    }

    /// <summary>The routes of one RDS name, for all scopes that name it.</summary>
    private sealed record SharedRoutes(RouteConfigSlot Slot);
}
