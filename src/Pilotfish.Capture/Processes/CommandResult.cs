namespace Pilotfish.Capture.Processes;

/// <summary>How a program ended. <see cref="IsMissing"/>: it could not be started because it is not installed.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error, bool IsMissing = false)
{
    /// <summary>What to show of a failure: a program may be silent, then its exit code must do.</summary>
    public string ErrorText => Error.Trim().Length > 0 ? Error.Trim() : $"exit code {ExitCode}";
}
