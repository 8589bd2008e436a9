using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Matching;

/// <summary>What a matcher looks at: one value of the facts that it is given. Immutable, any worker.</summary>
/// <typeparam name="TFacts">A connection, a request.</typeparam>
internal abstract class MatchInput<TFacts>
{
    /// <summary>Whether <see cref="TryAddress"/> gives the value, so that matchers of addresses may look at it.</summary>
    public virtual bool IsAddress => false;

    /// <summary>The value as text; null when there is none, which matches nothing.</summary>
    public abstract string? Text(TFacts facts);

    public virtual bool TryAddress(TFacts facts, out NetAddress address)
    {
        address = default;
        return false;
    }
}
