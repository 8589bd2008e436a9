using System.Text;
using Pilotfish.Proxy.Streams;
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

    /// <summary>The same as UTF-8, for comparisons that shall make no string. Valid until the facts change.</summary>
    public virtual bool TryBytes(TFacts facts, out ReadOnlySpan<byte> value)
    {
        string? text = Text(facts);
        value = text is null ? default : Encoding.UTF8.GetBytes(text);
        return text is not null;
    }

    /// <summary>Whether <see cref="Metadata"/> gives the value, which only matchers of metadata may look at then.</summary>
    public virtual bool IsMetadata => false;

    public virtual MetadataValue? Metadata(TFacts facts) => null;

    public virtual bool TryAddress(TFacts facts, out NetAddress address)
    {
        address = default;
        return false;
    }
}
