using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using HeaderMutation = Envoy.Extensions.Filters.Http.HeaderMutation.V3.HeaderMutation;
using Mutations = Envoy.Extensions.Filters.Http.HeaderMutation.V3.Mutations;

namespace Pilotfish.Proxy.Filters.UpstreamHeaders;

/// <summary>envoy.filters.http.header_mutation as an upstream filter. Routes cannot change it there.</summary>
public sealed class UpstreamHeaderMutationFactory : IUpstreamHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"];

    public UpstreamHttpFilter Compile(ExtensionConfig config, CompileContext context)
    {
        HeaderMutation message = config.Parse(HeaderMutation.Parser);
        Mutations mutations = message.Mutations ?? new();
        string field = config.Field + ".mutations";
        if (mutations.QueryParameterMutations.Count > 0)
        {
            throw new ConfigRejectedException(field + ".query_parameter_mutations", "upstream filters leave query parameters as they are");
        }

        if (message.MostSpecificHeaderMutationsWins)
        {
            context.Warnings.Warn($"{config.Field}.most_specific_header_mutations_wins has no effect: routes do not change upstream filters");
        }

        return new UpstreamHeaderMutation(
            HeaderMutationList.Compile(mutations.RequestMutations, field + ".request_mutations"),
            HeaderMutationList.Compile(mutations.RequestTrailersMutations, field + ".request_trailers_mutations"),
            HeaderMutationList.Compile(mutations.ResponseMutations, field + ".response_mutations"),
            HeaderMutationList.Compile(mutations.ResponseTrailersMutations, field + ".response_trailers_mutations"));
    }
}
