using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The body of the reply to a request whose attempt was reset, word for word as Envoy's clients know it.</summary>
internal static class ResetBody
{
    public static string Of(StreamResetReason reason, bool retried, string? transportFailure)
    {
        string text = "upstream connect error or disconnect/reset before headers. "
            + (retried ? "retried and the latest " : "") + "reset reason: " + StreamResetReasons.Text(reason);
        return transportFailure is null ? text : $"{text}, transport failure reason: {transportFailure}";
    }
}
