using System.Collections.Frozen;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>All services in the order in which they win conflicts, and the ways to find one.</summary>
public sealed class ServiceIndex
{
    public static readonly ServiceIndex Empty = new([]);

    private readonly FrozenDictionary<string, MeshService> _byHostname;

    private ServiceIndex(List<MeshService> services)
    {
        All = services;
        var byHostname = new Dictionary<string, MeshService>(services.Count, StringComparer.Ordinal);
        foreach (var service in services)
        {
            // Kubernetes attributes win over a ServiceEntry of the same host.
            if (!byHostname.TryGetValue(service.Hostname, out var other)
                || (other.Registry == ServiceRegistryKind.External && service.Registry == ServiceRegistryKind.Kubernetes))
            {
                byHostname[service.Hostname] = service;
            }
        }

        _byHostname = byHostname.ToFrozenDictionary(StringComparer.Ordinal);
    }

    public IReadOnlyList<MeshService> All { get; }

    public static ServiceIndex Build(ConfigSnapshot snapshot, string domainSuffix)
    {
        var services = new List<MeshService>();
        foreach (var item in snapshot.OfKind(ConfigKind.Service))
        {
            services.Add(item.As<MeshService>());
        }

        foreach (var item in snapshot.OfKind(ConfigKind.ServiceEntry))
        {
            services.AddRange(ServiceEntryServices.Expand(item, domainSuffix));
        }

        services.Sort(CompareByAge);
        return new ServiceIndex(AttachAliases(services));
    }

    public MeshService? Find(string hostname) => _byHostname.GetValueOrDefault(hostname);

    private static int CompareByAge(MeshService x, MeshService y)
    {
        var byAge = x.CreationTime.CompareTo(y.CreationTime);
        if (byAge != 0)
        {
            return byAge;
        }

        var byName = string.CompareOrdinal(x.Name, y.Name);
        return byName != 0 ? byName : string.CompareOrdinal(x.Namespace, y.Namespace);
    }

    // ExternalName services lend their hostname to the service they finally point at; chains are followed, loops end them.
    private static List<MeshService> AttachAliases(List<MeshService> services)
    {
        var targets = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var service in services)
        {
            if (service.ExternalName is { } target)
            {
                targets[service.Hostname] = target;
            }
        }

        if (targets.Count == 0)
        {
            return services;
        }

        var aliases = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var (alias, first) in targets)
        {
            var target = first;
            for (var hops = 0; hops < targets.Count && targets.TryGetValue(target, out var next); hops++)
            {
                target = next;
            }

            if (!aliases.TryGetValue(target, out var names))
            {
                aliases[target] = names = [];
            }

            names.Add(alias);
        }

        return services.ConvertAll(service =>
        {
            if (service.Resolution == ServiceResolution.Alias || !aliases.TryGetValue(service.Hostname, out var names))
            {
                return service;
            }

            names.Sort(StringComparer.Ordinal);
            return service with { Aliases = names };
        });
    }
}
