using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Chooses a filter chain from the facts of a connection. Immutable, any worker.</summary>
internal interface IFilterChainMatcher
{
    /// <summary>Null when the connection has no chain.</summary>
    /// <param name="connection">As listener filters left it.</param>
    /// <param name="otherwise">The default chain, for a connection that nothing matches; null without one.</param>
    FilterChainModel? Find(ConnectionInfo connection, FilterChainModel? otherwise);
}
