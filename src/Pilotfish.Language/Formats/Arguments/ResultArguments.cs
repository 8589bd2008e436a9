namespace Pilotfish.Language.Formats.Arguments;

/// <summary>The arguments of GRPC_STATUS and RESPONSE_CODE_DETAILS, which are one word of a few.</summary>
public static class ResultArguments
{
    public static GrpcStatusForm ParseGrpcStatus(FormatOperator source) => source.Arguments switch
    {
        null or "" or "CAMEL_STRING" => GrpcStatusForm.CamelString,
        "SNAKE_STRING" => GrpcStatusForm.SnakeString,
        "NUMBER" => GrpcStatusForm.Number,
        _ => throw source.Reject($"has the argument '({source.Arguments})'; CAMEL_STRING, SNAKE_STRING and NUMBER are known"),
    };

    /// <summary>True when blanks are kept.</summary>
    public static bool ParseDetails(FormatOperator source) => source.Arguments switch
    {
        null or "" => false,
        "ALLOW_WHITESPACES" => true,
        _ => throw source.Reject($"has the argument '({source.Arguments})'; only ALLOW_WHITESPACES is known"),
    };
}
