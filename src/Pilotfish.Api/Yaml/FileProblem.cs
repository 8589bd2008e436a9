namespace Pilotfish.Api.Yaml;

/// <summary>
/// Why a file cannot be used, in words. The exceptions' own messages are resource keys in a published executable, which carries no
/// texts of the runtime.
/// </summary>
public static class FileProblem
{
    public static string Of(Exception cause) => cause switch
    {
        FileNotFoundException => "no such file",
        DirectoryNotFoundException => "no such folder",
        PathTooLongException => "its name is too long",

        // .NET says the same of a folder that is opened as a file.
        UnauthorizedAccessException => "it may not be read, or is a folder",
        _ => cause.Message,
    };
}
