using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Resolves host names to addresses without blocking. Main loop.</summary>
public abstract class NameResolver
{
    public abstract ValueTask<NameAnswer> ResolveAsync(string name, AddressFamilyKind family);

    /// <summary>As a cluster's configuration wants it; resolvers without choices ignore it.</summary>
    public virtual ValueTask<NameAnswer> ResolveAsync(string name, AddressFamilyKind family, DnsResolverOptions options) =>
        ResolveAsync(name, family);
}
