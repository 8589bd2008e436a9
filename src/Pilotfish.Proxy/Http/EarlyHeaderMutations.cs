using Envoy.Config.Core.V3;
using Google.Protobuf.Collections;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Extension = Envoy.Extensions.Http.EarlyHeaderMutation.HeaderMutation.V3.HeaderMutation;
using Mutation = Envoy.Config.Common.MutationRules.V3.HeaderMutation;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// early_header_mutation_extensions: changes of a request's headers, in order, before anything of this connection manager looks at them but
/// the checks of host and path. Pseudo headers and host are not theirs. Immutable.
/// </summary>
public sealed class EarlyHeaderMutations
{
    private const string HeaderMutation = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

    private readonly Step[] _steps;

    private EarlyHeaderMutations(Step[] steps) => _steps = steps;

    /// <summary>Null for no extensions.</summary>
    public static EarlyHeaderMutations? Compile(RepeatedField<TypedExtensionConfig> extensions, string field)
    {
        if (extensions.Count == 0)
        {
            return null;
        }

        var steps = new List<Step>();
        for (int i = 0; i < extensions.Count; i++)
        {
            ExtensionConfig config = ExtensionRegistry.Unwrap(extensions[i].TypedConfig, $"{field}[{i}].typed_config");
            if (config.MessageName != HeaderMutation)
            {
                throw new ConfigRejectedException(config.Field,
                    $"extension '{extensions[i].Name}' of type '{config.MessageName}' does not exist in Pilotfish");
            }

            RepeatedField<Mutation> mutations = config.Parse(Extension.Parser).Mutations;
            for (int m = 0; m < mutations.Count; m++)
            {
                steps.Add(CompileStep(mutations[m], $"{config.Field}.mutations[{m}]"));
            }
        }

        return new EarlyHeaderMutations([.. steps]);
    }

    internal void Apply(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        foreach (Step step in _steps)
        {
            if (step.RemovedNames is { } names)
            {
                RemoveMatching(headers, names);
            }
            else
            {
                step.Change!.Apply(headers, stream.Info, stream.Worker.Scratch);
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
