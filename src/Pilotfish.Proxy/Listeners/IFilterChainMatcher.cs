using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Chooses a filter chain from the facts of a connection; null when none matches. Immutable, any worker.</summary>
internal interface IFilterChainMatcher
{
    FilterChainModel? Find(ConnectionInfo connection);
}
