using Pilotfish.Language.Cel;
using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs.Expressions;

/// <summary>%CEL(expression)% prints a value as text, %TYPED_CEL(expression)% keeps numbers, booleans and null in JSON.</summary>
internal static class ExpressionOperators
{
    [ThreadStatic]
    private static CelActivation? t_activation;

    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        all.Add("CEL", static source => Compile(source, typed: false));
        all.Add("TYPED_CEL", static source => Compile(source, typed: true));
    }

    /// <summary>This thread's activation; its texts live until it begins again.</summary>
    public static CelActivation Activation => t_activation ??= new CelActivation();

    private static FormatOperation Compile(FormatOperator source, bool typed)
    {
        CelExpression expression;
        try
        {
            expression = CelExpression.Compile(source.RequireArguments("an expression"), StreamAttributes.Instance);
        }
        catch (CelSyntaxException e)
        {
            throw source.Reject($"is wrong: {e.Message}");
        }

        return (in FormatSource from, FormatOutput output) =>
        {
            CelActivation activation = Activation;
            activation.Begin(from.Info);
            CelValue value = expression.Evaluate(activation);
            return CelText.Append(output, in value, typed, activation);
        };
    }
}
