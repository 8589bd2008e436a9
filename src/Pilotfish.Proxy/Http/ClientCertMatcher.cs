using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Matching;
using Pilotfish.Proxy.Matching.Requests;
using Pilotfish.Proxy.Streams;
using global::Xds.Type.Matcher.V3;

namespace Pilotfish.Proxy.Http;

/// <summary>forward_client_cert_matcher: a rule for each request, where it leads to one. Immutable, any worker.</summary>
internal sealed class ClientCertMatcher
{
    private const string Field = "forward_client_cert_matcher";

    private const string ConfigMessage =
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertConfig";

    private readonly MatchNode<StreamInfo, ClientCertRule> _root;

    private ClientCertMatcher(MatchNode<StreamInfo, ClientCertRule> root) => _root = root;

    /// <summary>Null without a matcher.</summary>
    public static ClientCertMatcher? Compile(Matcher? matcher) => matcher is null
        ? null
        : new ClientCertMatcher(new MatchCompiler<StreamInfo, ClientCertRule>(new Vocabulary()).Compile(matcher, Field));

    /// <summary>Null where the connection manager's own fields count.</summary>
    public ClientCertRule? Find(StreamInfo info) => _root.Find(info);

    private sealed class Vocabulary : IMatchVocabulary<StreamInfo, ClientCertRule>
    {
        public MatchInput<StreamInfo>? Input(ExtensionConfig config) => RequestInputs.Compile(config);

        public ClientCertRule? Action(ExtensionConfig config)
        {
            if (config.MessageName != ConfigMessage)
            {
                return null;
            }

            HttpConnectionManager.Types.ForwardClientCertConfig rule = config.Parse(HttpConnectionManager.Types.ForwardClientCertConfig.Parser);
            return Enum.IsDefined(rule.ForwardClientCertDetails)
                ? ClientCertRule.Of(rule.ForwardClientCertDetails, rule.SetCurrentClientCertDetails)
                : throw new ConfigRejectedException($"{config.Field}.forward_client_cert_details", $"{(int)rule.ForwardClientCertDetails} is no mode");
        }
    }
}
