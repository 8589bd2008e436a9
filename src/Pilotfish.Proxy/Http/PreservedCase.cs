using Envoy.Config.Core.V3;
using Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// The preserve_case formatter of a codec: HTTP/1 messages that it receives are passed on over HTTP/1 with the names spelled as they came.
/// Inside the proxy, and over HTTP/2, names are in lower case. Immutable.
/// </summary>
public sealed record PreservedCase
{
    private const string ConfigName = "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";

    /// <summary>Names that the proxy added are written as Proper-Case-Words instead of in lower case.</summary>
    public bool ProperWordsForOthers { get; init; }

    /// <summary>The reason phrase of a response is passed on too.</summary>
    public bool ForwardsReasonPhrase { get; init; }

    /// <summary>Null without a stateful formatter; a formatter of another type is refused by field.</summary>
    public static PreservedCase? Compile(Http1ProtocolOptions? options, string field)
    {
        if (options?.HeaderKeyFormat?.StatefulFormatter is not { } formatter)
        {
            return null;
        }

        string at = $"{field}.header_key_format.stateful_formatter";
        if (formatter.TypedConfig is null)
        {
            throw new ConfigRejectedException(at, "the formatter has no typed_config");
        }

        ExtensionConfig config = ExtensionRegistry.Unwrap(formatter.TypedConfig, at + ".typed_config");
        if (config.MessageName != ConfigName)
        {
            throw new ConfigRejectedException(config.Field, $"the header formatter '{config.MessageName}' does not exist in Pilotfish");
        }

        PreserveCaseFormatterConfig parsed = config.Parse(PreserveCaseFormatterConfig.Parser);
        return new PreservedCase
        {
            ProperWordsForOthers =
                parsed.FormatterTypeOnEnvoyHeaders == PreserveCaseFormatterConfig.Types.FormatterTypeOnEnvoyHeaders.ProperCase,
            ForwardsReasonPhrase = parsed.ForwardReasonPhrase,
        };
    }
}
