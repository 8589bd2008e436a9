using Pilotfish.Language.Cel;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs.Expressions;

/// <summary>The extension filter envoy.access_loggers.extension_filters.cel: passes streams for which an expression is true.</summary>
internal sealed class ExpressionFilter(CelExpression expression) : AccessLogFilter
{
    public const string MessageName = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter";

    public static ExpressionFilter Compile(in ExtensionConfig config)
    {
        string text = config.Parse(Envoy.Extensions.AccessLoggers.Filters.Cel.V3.ExpressionFilter.Parser).Expression;
        try
        {
            return new ExpressionFilter(CelExpression.CompileCondition(text, StreamAttributes.Instance));
        }
        catch (CelSyntaxException e)
        {
            throw new ConfigRejectedException($"{config.Field}.expression", $"the expression '{text}' cannot be used: {e.Message}", e);
        }
    }

    public override bool Passes(in FormatSource source) => expression.Matches(ExpressionOperators.Activation, source.Info);
}
