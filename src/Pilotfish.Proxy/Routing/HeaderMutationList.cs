using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;
using Mutation = Envoy.Config.Common.MutationRules.V3.HeaderMutation;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// A list of config.common.mutation_rules.v3.HeaderMutation: additions, removals and removals by name's pattern, in their order. Pseudo headers and
/// host are not theirs. Immutable.
/// </summary>
public sealed class HeaderMutationList
{
    public static readonly HeaderMutationList None = new([]);

    private readonly Step[] _steps;

    private HeaderMutationList(Step[] steps) => _steps = steps;

    public bool IsEmpty => _steps.Length == 0;

    /// <summary>Throws <see cref="ConfigRejectedException"/> with the entry's path.</summary>
    public static HeaderMutationList Compile(IList<Mutation> mutations, string field)
    {
        if (mutations.Count == 0)
        {
            return None;
        }

        var steps = new Step[mutations.Count];
        for (int i = 0; i < steps.Length; i++)
        {
            steps[i] = CompileStep(mutations[i], $"{field}[{i}]");
        }

        return new HeaderMutationList(steps);
    }

    /// <summary>Changes the headers; values come from the request.</summary>
    public void Apply(HeaderMap headers, StreamInfo info, FormatOutput scratch)
    {
        foreach (Step step in _steps)
        {
            if (step.RemovedNames is { } names)
            {
                RemoveMatching(headers, names);
            }
            else
            {
                step.Change!.Apply(headers, info, scratch);
            }
        }
    }

    private static Step CompileStep(Mutation mutation, string field) => mutation.ActionCase switch
    {
        Mutation.ActionOneofCase.Append => new Step(HeaderMutations.Adding(mutation.Append, $"{field}.append"), null),
        Mutation.ActionOneofCase.Remove => new Step(HeaderMutations.Removing(mutation.Remove, $"{field}.remove"), null),
        Mutation.ActionOneofCase.RemoveOnMatch when mutation.RemoveOnMatch.KeyMatcher is { } matcher => new Step(
            null, StringMatch.Compile(matcher, $"{field}.remove_on_match.key_matcher")),
        _ => throw new ConfigRejectedException(field, "the mutation says neither what to append nor what to remove"),
    };

    private static void RemoveMatching(HeaderMap headers, StringMatch names)
    {
        for (int slot = 0; slot < headers.SlotCount; slot++)
        {
            if (!headers.IsLive(slot))
            {
                continue;
            }

            ReadOnlySpan<byte> name = headers.At(slot).Name;
            if (name[0] != ':' && !name.SequenceEqual("host"u8) && names.Matches(name))
            {
                headers.RemoveAt(slot);
            }
        }
    }

    private sealed record Step(HeaderMutations? Change, StringMatch? RemovedNames);
}
