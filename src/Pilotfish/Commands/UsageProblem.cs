using System.CommandLine;
using Pilotfish.Api.Messages;

namespace Pilotfish.Commands;

/// <summary>What is wrong with a command line, in one sentence that says what to do: the parser's own answer is the whole help.</summary>
internal static class UsageProblem
{
    public static string Describe(ParseResult parsed, string[] args)
    {
        Command command = parsed.CommandResult.Command;
        if (parsed.UnmatchedTokens is [var unknown, ..])
        {
            return $"{Unknown(command, unknown)} '{NameOf(command)} --help' shows what there is.";
        }

        if (args.Length == 0)
        {
            return "a command is needed, such as 'pilotfish up DIR'. 'pilotfish --help' shows what there is.";
        }

        string problem = parsed.Errors[0].Message;
        string end = problem.EndsWith('.') || problem.EndsWith('?') ? "" : ".";
        return $"{problem}{end} '{NameOf(command)} --help' shows how to call it.";
    }

    /// <summary>About a word that a command does not know, with the nearest that it knows.</summary>
    public static string Unknown(Command command, string word)
    {
        bool isOption = word.StartsWith('-');
        IEnumerable<string> known = isOption
            ? command.Options.SelectMany(option => option.Aliases.Append(option.Name))
            : command.Subcommands.Select(sub => sub.Name);
        string kind = isOption ? "option" : command.Subcommands.Count > 0 ? "command" : "argument";
        string hint = NearestName.Find(word, known) is { } nearest ? $" Did you mean '{nearest}'?" : "";
        return $"'{word}' is no {kind} of '{NameOf(command)}'.{hint}";
    }

    private static string NameOf(Command command) => command is RootCommand ? "pilotfish" : $"pilotfish {command.Name}";
}
