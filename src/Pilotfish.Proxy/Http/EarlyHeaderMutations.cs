using Envoy.Config.Core.V3;
using Google.Protobuf.Collections;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Extension = Envoy.Extensions.Http.EarlyHeaderMutation.HeaderMutation.V3.HeaderMutation;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// early_header_mutation_extensions: changes of a request's headers, in order, before anything of this connection manager looks at them but
/// the checks of host and path. Immutable.
/// </summary>
public sealed class EarlyHeaderMutations
{
    private const string HeaderMutation = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

    private readonly HeaderMutationList[] _lists;

    private EarlyHeaderMutations(HeaderMutationList[] lists) => _lists = lists;

    /// <summary>Null for no extensions.</summary>
    public static EarlyHeaderMutations? Compile(RepeatedField<TypedExtensionConfig> extensions, string field)
    {
        if (extensions.Count == 0)
        {
            return null;
        }

        var lists = new HeaderMutationList[extensions.Count];
        for (int i = 0; i < lists.Length; i++)
        {
            ExtensionConfig config = ExtensionRegistry.Unwrap(extensions[i].TypedConfig, $"{field}[{i}].typed_config");
            if (config.MessageName != HeaderMutation)
            {
                throw new ConfigRejectedException(config.Field,
                    $"extension '{extensions[i].Name}' of type '{config.MessageName}' does not exist in Pilotfish");
            }

            lists[i] = HeaderMutationList.Compile(config.Parse(Extension.Parser).Mutations, $"{config.Field}.mutations");
        }

        return new EarlyHeaderMutations(lists);
    }

    internal void Apply(HttpStream stream)
    {
        foreach (HeaderMutationList list in _lists)
        {
            list.Apply(stream.RequestHeaders, stream.Info, stream.Worker.Scratch);
        }
    }
}
