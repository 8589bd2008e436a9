using Envoy.Admin.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Routing.Discovery;
using Pilotfish.Proxy.Routing.Scopes;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Admin;

/// <summary>Collects held resources into the sections of a config dump. Private keys and passwords never enter it.</summary>
internal sealed class DumpBuilder(Func<string, bool> passes, IReadOnlyList<DiscoveredHosts> discovered)
{
    private static readonly ByteString s_redacted = ByteString.CopyFromUtf8("[redacted]");

    public ClustersConfigDump Clusters { get; } = new();

    public EndpointsConfigDump Endpoints { get; } = new();

    public ListenersConfigDump Listeners { get; } = new();

    public ScopedRoutesConfigDump ScopedRoutes { get; } = new();

    public RoutesConfigDump Routes { get; } = new();

    public SecretsConfigDump Secrets { get; } = new();

    public EcdsConfigDump Extensions { get; } = new();

    public void AddStatic(SubscribedType type)
    {
        AddInlineRoutes(type);
        foreach (HeldResource held in Passing(type))
        {
            Timestamp updated = Timestamp.FromDateTimeOffset(held.Updated);
            if (type.Type == ResourceType.Cluster)
            {
                Clusters.StaticClusters.Add(
                    new ClustersConfigDump.Types.StaticCluster { Cluster = Pack(type, held), LastUpdated = updated });
            }
            else if (type.Type == ResourceType.Listener)
            {
                Listeners.StaticListeners.Add(
                    new ListenersConfigDump.Types.StaticListener { Listener = Pack(type, held), LastUpdated = updated });
            }
            else if (type.Type == ResourceType.Secret)
            {
                Secrets.StaticSecrets.Add(
                    new SecretsConfigDump.Types.StaticSecret { Name = held.Name, Secret = PackSecret(held), LastUpdated = updated });
            }
        }
    }

    public void AddDynamic(SubscribedType type)
    {
        AddInlineRoutes(type);
        if (type.Type == ResourceType.Listener)
        {
            AddListeners(type);
        }

        foreach (HeldResource held in Passing(type))
        {
            AddHeld(type, held);
        }
    }

    /// <summary>Scopes that stand in the connection managers themselves.</summary>
    public void AddInlineScopes(IEnumerable<ScopedRoutesSlot> slots)
    {
        foreach (ScopedRoutesSlot slot in slots)
        {
            if (slot.IsInline && passes(slot.Name))
            {
                ScopedRoutesConfigDump.Types.InlineScopedRouteConfigs entry = new()
                {
                    Name = slot.Name, LastUpdated = Timestamp.FromDateTimeOffset(slot.Created),
                };
                foreach (ByteString message in slot.Inline)
                {
                    entry.ScopedRouteConfigs.Add(new Any { TypeUrl = ResourceType.ScopedRoute.TypeUrl, Value = message });
                }

                ScopedRoutes.InlineScopedRouteConfigs.Add(entry);
            }
        }
    }

    /// <summary>The scopes of SRDS, once for each name under which connection managers use them.</summary>
    public void AddDynamicScopes(SubscribedType type, IEnumerable<ScopedRoutesSlot> slots)
    {
        if (type.Type != ResourceType.ScopedRoute)
        {
            return;
        }

        SortedSet<string> names = new(StringComparer.Ordinal);
        foreach (ScopedRoutesSlot slot in slots)
        {
            if (slot.Follows(type) && passes(slot.Name))
            {
                names.Add(slot.Name);
            }
        }

        List<HeldResource> scopes = [.. type.Held.Values];
        scopes.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        foreach (string name in names)
        {
            ScopedRoutes.DynamicScopedRouteConfigs.Add(Describe(type, name, scopes));
        }
    }

    // Chosen by their own names, which may be empty, not by those of what they stand in.
    private void AddInlineRoutes(SubscribedType type)
    {
        List<HeldResource> all = [.. type.Held.Values];
        all.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        foreach (HeldResource held in all)
        {
            foreach (RouteConfiguration routes in InlineRouteConfigs.Of(type.Type, held))
            {
                if (passes(routes.Name))
                {
                    AddInlineRoutes(routes, held.Updated);
                }
            }
        }
    }

    private void AddInlineRoutes(RouteConfiguration routes, DateTimeOffset updated)
    {
        if (routes.Vhds is not null && DiscoveredOf(routes.Name) is { } hosts)
        {
            AddHosts(routes, hosts);
            updated = hosts.Updated > updated ? hosts.Updated : updated;
        }

        Routes.StaticRouteConfigs.Add(new RoutesConfigDump.Types.StaticRouteConfig
        {
            RouteConfig = Any.Pack(routes), LastUpdated = Timestamp.FromDateTimeOffset(updated),
        });
    }

    private static ScopedRoutesConfigDump.Types.DynamicScopedRouteConfigs Describe(
        SubscribedType type, string name, List<HeldResource> scopes)
    {
        ScopedRoutesConfigDump.Types.DynamicScopedRouteConfigs entry = new() { Name = name };
        DateTimeOffset updated = default;
        foreach (HeldResource scope in scopes)
        {
            entry.ScopedRouteConfigs.Add(Pack(type, scope));
            if (scope.Updated >= updated)
            {
                updated = scope.Updated;
                entry.VersionInfo = scope.Version;
            }
        }

        if (scopes.Count > 0)
        {
            entry.LastUpdated = Timestamp.FromDateTimeOffset(updated);
        }

        // The first refused scope stands for all: the section has room for one.
        foreach (string refused in new SortedSet<string>(type.Refused.Keys, StringComparer.Ordinal))
        {
            entry.ErrorState ??= Error(type, refused);
        }

        return entry;
    }

    private void AddHeld(SubscribedType type, HeldResource held)
    {
        Timestamp updated = Timestamp.FromDateTimeOffset(held.Updated);
        UpdateFailureState? error = Error(type, held.Name);
        if (type.Type == ResourceType.Cluster)
        {
            Clusters.VersionInfo = held.Version;
            Clusters.DynamicActiveClusters.Add(new ClustersConfigDump.Types.DynamicCluster
            {
                VersionInfo = held.Version, Cluster = Pack(type, held), LastUpdated = updated, ErrorState = error,
            });
        }
        else if (type.Type == ResourceType.Endpoints)
        {
            Endpoints.DynamicEndpointConfigs.Add(new EndpointsConfigDump.Types.DynamicEndpointConfig
            {
                VersionInfo = held.Version, EndpointConfig = Pack(type, held), LastUpdated = updated, ErrorState = error,
            });
        }
        else if (type.Type == ResourceType.Route)
        {
            RoutesConfigDump.Types.DynamicRouteConfig routes = new()
            {
                VersionInfo = held.Version, RouteConfig = Pack(type, held), LastUpdated = updated, ErrorState = error,
            };
            AddDiscovered(routes, held.Name);
            Routes.DynamicRouteConfigs.Add(routes);
        }
        else if (type.Type == ResourceType.Secret)
        {
            Secrets.DynamicActiveSecrets.Add(new SecretsConfigDump.Types.DynamicSecret
            {
                Name = held.Name, VersionInfo = held.Version, Secret = PackSecret(held), LastUpdated = updated, ErrorState = error,
            });
        }
        else if (type.Type == ResourceType.Extension)
        {
            Extensions.EcdsFilters.Add(new EcdsConfigDump.Types.EcdsFilterConfig
            {
                VersionInfo = held.Version, EcdsFilter = Pack(type, held), LastUpdated = updated, ErrorState = error,
            });
        }
    }

    // The virtual hosts that VHDS brought stand behind the configuration's own, and the newest version of both is shown, as in Envoy.
    private void AddDiscovered(RoutesConfigDump.Types.DynamicRouteConfig routes, string name)
    {
        if (DiscoveredOf(name) is not { } hosts)
        {
            return;
        }

        RouteConfiguration merged = routes.RouteConfig.Unpack<RouteConfiguration>();
        AddHosts(merged, hosts);
        routes.RouteConfig = Any.Pack(merged);
        if (hosts.Updated > routes.LastUpdated.ToDateTimeOffset())
        {
            routes.VersionInfo = hosts.Version;
            routes.LastUpdated = Timestamp.FromDateTimeOffset(hosts.Updated);
        }
    }

    private DiscoveredHosts? DiscoveredOf(string routes)
    {
        foreach (DiscoveredHosts hosts in discovered)
        {
            if (hosts.Routes == routes && hosts.Hosts.Count > 0)
            {
                return hosts;
            }
        }

        return null;
    }

    private static void AddHosts(RouteConfiguration routes, DiscoveredHosts hosts)
    {
        foreach (DiscoveredHost host in hosts.Hosts)
        {
            routes.VirtualHosts.Add(VirtualHost.Parser.ParseFrom(host.Message.Span));
        }
    }

    // A listener that was refused from its first version on is shown too: it is what an operator looks for.
    private void AddListeners(SubscribedType type)
    {
        SortedSet<string> names = new(type.Held.Keys, StringComparer.Ordinal);
        names.UnionWith(type.Refused.Keys);
        foreach (string name in names)
        {
            if (!passes(name))
            {
                continue;
            }

            ListenersConfigDump.Types.DynamicListener listener = new() { Name = name, ErrorState = Error(type, name) };
            if (type.Held.TryGetValue(name, out HeldResource? held))
            {
                Listeners.VersionInfo = held.Version;
                listener.ActiveState = new ListenersConfigDump.Types.DynamicListenerState
                {
                    VersionInfo = held.Version,
                    Listener = Pack(type, held),
                    LastUpdated = Timestamp.FromDateTimeOffset(held.Updated),
                };
            }

            Listeners.DynamicListeners.Add(listener);
        }
    }

    private List<HeldResource> Passing(SubscribedType type)
    {
        List<HeldResource> chosen = [];
        foreach (HeldResource held in type.Held.Values)
        {
            if (passes(held.Name))
            {
                chosen.Add(held);
            }
        }

        chosen.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return chosen;
    }

    private static UpdateFailureState? Error(SubscribedType type, string name) =>
        type.Refused.TryGetValue(name, out RejectedUpdate? refused)
            ? new UpdateFailureState
            {
                Details = refused.Reason,
                VersionInfo = refused.Version,
                LastUpdateAttempt = Timestamp.FromDateTimeOffset(refused.When),
            }
            : null;

    private static Any Pack(SubscribedType type, HeldResource held) =>
        new() { TypeUrl = type.Type.TypeUrl, Value = UnsafeByteOperations.UnsafeWrap(held.Message()) };

    private static Any PackSecret(HeldResource held)
    {
        Secret secret = Secret.Parser.ParseFrom(held.Message());
        if (secret.TlsCertificate is { } certificate)
        {
            certificate.PrivateKey = new Envoy.Config.Core.V3.DataSource { InlineBytes = s_redacted };
            if (certificate.Password is not null)
            {
                certificate.Password = new Envoy.Config.Core.V3.DataSource { InlineBytes = s_redacted };
            }
        }

        if (secret.GenericSecret is { } generic)
        {
            generic.Secret = new Envoy.Config.Core.V3.DataSource { InlineBytes = s_redacted };
        }

        return Any.Pack(secret);
    }
}
