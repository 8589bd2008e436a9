using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Routing;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Matching;

/// <summary>A condition of a matcher list. Immutable, any worker.</summary>
internal abstract class MatchPredicate<TFacts>
{
    public abstract bool Holds(TFacts facts);

    /// <summary>single_predicate with value_match.</summary>
    internal sealed class OfText(MatchInput<TFacts> input, StringMatch match) : MatchPredicate<TFacts>
    {
        public override bool Holds(TFacts facts) => input.TryBytes(facts, out ReadOnlySpan<byte> text) && match.Matches(text);
    }

    /// <summary>single_predicate with the custom matcher of addresses.</summary>
    internal sealed class OfAddress(MatchInput<TFacts> input, CidrRange[] ranges) : MatchPredicate<TFacts>
    {
        public override bool Holds(TFacts facts) =>
            input.TryAddress(facts, out NetAddress address) && Array.Exists(ranges, range => range.Contains(address));
    }

    /// <summary>single_predicate with the custom matcher of metadata, <c>envoy.extensions.matching.input_matchers.metadata.v3.Metadata</c>.</summary>
    internal sealed class OfMetadata(MatchInput<TFacts> input, MetadataMatch match) : MatchPredicate<TFacts>
    {
        public override bool Holds(TFacts facts) => match.Holds(input.Metadata(facts));
    }

    /// <summary>single_predicate with the custom matcher <see cref="HashShare"/>.</summary>
    internal sealed class OfHash(MatchInput<TFacts> input, HashShare share) : MatchPredicate<TFacts>
    {
        public override bool Holds(TFacts facts) => input.TryBytes(facts, out ReadOnlySpan<byte> text) && share.Holds(text);
    }

    internal sealed class All(MatchPredicate<TFacts>[] inner) : MatchPredicate<TFacts>
    {
        public override bool Holds(TFacts facts) => Array.TrueForAll(inner, predicate => predicate.Holds(facts));
    }

    internal sealed class Any(MatchPredicate<TFacts>[] inner) : MatchPredicate<TFacts>
    {
        public override bool Holds(TFacts facts) => Array.Exists(inner, predicate => predicate.Holds(facts));
    }

    internal sealed class Not(MatchPredicate<TFacts> inner) : MatchPredicate<TFacts>
    {
        public override bool Holds(TFacts facts) => !inner.Holds(facts);
    }
}
